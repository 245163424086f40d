"""One file on its way here: taken up where the line broke, compared with its digest at the end."""

import hashlib

from contentserver.client.asking import Asking, Call
from contentserver.client.errors import Damaged, Unreachable
from contentserver.client.headers import first_byte_of, info_of
from contentserver.client.paths import content_path
from contentserver.client.steps import Answer, Broken, Drop, Emit, Flow, Next, Op, Wait
from contentserver.client.values import FileInfo


class Reading:
    """An open answer and where it stands. `info` is set by `begin`."""

    info: FileInfo

    def __init__(
        self,
        asking: Asking,
        collection: str,
        key: str,
        parameters: list[tuple[str, str]],
        on_behalf_of: str | None,
    ) -> None:
        self._asking = asking
        self._collection = collection
        self._key = key
        self._parameters = parameters
        self._headers = asking.for_whom(on_behalf_of)
        self._hash = hashlib.sha256()
        self._patience = asking.patience()
        self._answer: Answer | None = None
        self._whole = False
        self._skip = 0
        self.position = 0
        self.end: int | None = None

    def begin(self, start: int = 0, length: int | None = None, etag: str | None = None) -> Op[None]:
        """Ask for the bytes, of the version `etag` where one is named. Raises ValueError for an
        impossible range, and as `ask`.
        """
        if start < 0 or (length is not None and length < 1):
            raise ValueError("start must not be negative, and length at least 1")
        last = None if length is None else start + length - 1
        answer = yield from self._request(start, last, etag)
        self.position = start
        self.info = info_of(self._collection, self._key, answer.status, answer.headers)
        self.end = self.info.size
        if last is not None and (self.end is None or last < self.end):
            self.end = last + 1
        self._whole = start == 0 and self.end == self.info.size

    def take_over(self, known: "hashlib._Hash") -> None:
        """All bytes before the first one asked for are here already, and `known` has hashed
        them.
        """
        self._hash, self._whole = known, True

    def next_piece(self) -> Op[bytes]:
        """The bytes in order, none at the end. Raises Damaged at the end of a whole file whose
        digest differs; Unreachable when the line broke too often without a byte in between.
        """
        while self._answer is not None and self.position != self.end:
            try:
                piece: bytes = yield Next(self._answer)
            except Broken as broken:
                yield from self._resume(broken)
                continue
            if not piece and self.end is not None:
                yield from self._resume(Broken("the answer ended early"))
                continue
            if not piece:
                break
            if piece := self._wanted(piece):
                return piece
        if self._answer is not None:
            yield from self.close()
            self._verify()
        return b""

    def pieces(self) -> Flow[bytes]:
        """The bytes as they come. Raises as `next_piece`."""
        while piece := (yield from self.next_piece()):
            yield Emit(piece)

    def read(self) -> Op[bytes]:
        """All that is left, in memory. Raises Damaged where a whole file does not have its digest,
        Unreachable when the line broke too often.
        """
        found = []
        while piece := (yield from self.next_piece()):
            found.append(piece)
        return b"".join(found)

    def close(self) -> Op[None]:
        """Let go of the connection; nothing more can be read."""
        if self._answer is not None:
            answer, self._answer = self._answer, None
            yield Drop(answer)

    def _wanted(self, piece: bytes) -> bytes:
        """What of a piece is part of the range, counted and hashed."""
        if self._skip:
            piece, self._skip = piece[self._skip :], max(0, self._skip - len(piece))
        if self.end is not None:
            piece = piece[: self.end - self.position]
        self._patience.renew()
        if self._whole:
            self._hash.update(piece)
        self.position += len(piece)
        return piece

    def _request(self, start: int, last: int | None, etag: str | None) -> Op[Answer]:
        headers = dict(self._headers)
        if etag is not None:
            headers["if-match"] = etag
        if start or last is not None:
            headers["range"] = f"bytes={start}-{'' if last is None else last}"
        path = content_path(self._collection, self._key)
        call = Call("GET", "content", path, self._parameters, headers, stream=True)
        answer = self._answer = yield from self._asking.ask(call)
        # Who serves no ranges sends everything from the first byte on.
        self._skip = start - first_byte_of(answer.status, answer.headers)
        return answer

    def _resume(self, broken: Broken) -> Op[None]:
        """Ask for the rest of the same version."""
        failure = Unreachable(f"{self._key}: {broken}; {self.position} bytes had come")
        yield from self.close()
        if self.info.etag is None:
            raise failure from broken  # nothing says that the rest would be of the same file
        yield Wait(self._patience.pause(failure))
        if self.info.version is not None:
            self._parameters = [("version", self.info.version)]
        last = None if self.end is None else self.end - 1
        yield from self._request(self.position, last, self.info.etag)

    def _verify(self) -> None:
        if self._whole and self.info.sha256 not in {None, self._hash.hexdigest()}:
            raise Damaged(
                f"{self._key}: {self.position} bytes came that do not have the SHA-256 "
                f"{self.info.sha256}, which the server names; fetch it again"
            )
