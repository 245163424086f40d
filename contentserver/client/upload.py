"""One staged upload: its bytes sent however often the line breaks, its commit (tus 1.0.0).

After every break HEAD says where the upload stands, and sending goes on there: what was sent in
vain is sent again, what arrived is not.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from contentserver.client.asking import Asking, Call
from contentserver.client.digests import field_of, hex_of
from contentserver.client.errors import (
    ClientError,
    DigestMismatch,
    Locked,
    NotFound,
    TooManyRequests,
    Unavailable,
    Unreachable,
    WrongOffset,
)
from contentserver.client.headers import Headers, Tags, conditions, stored_of
from contentserver.client.retry import Patience
from contentserver.client.sources import Data, Held, Once, Rest, Source, Tally, source_of
from contentserver.client.steps import Op, Pull, Wait, Work
from contentserver.client.values import Progress, Stored

TUS: Final[Headers] = {"tus-resumable": "1.0.0"}
PART: Final = 4 << 20  # bytes of an iterator that are held until the server has them
PASSING = (Unreachable, Unavailable, Locked, WrongOffset, TooManyRequests)

Told = Callable[[Progress], object]


def path_of(url: str) -> str:
    """Path of an upload. Raises ValueError for what cannot be one."""
    path = urlsplit(url).path
    if not path.startswith("/v1/uploads/") or path.count("/") != 3:
        raise ValueError("that is not the address of an upload")
    return path


class Staged:
    """`offset`: bytes the server has; `length`: of the whole, None while that is open; `expires`:
    until when it has to be committed; `stored`: the version, once committed; `sha256`: hex, of the
    whole, once it was sent from here.
    """

    def __init__(
        self, asking: Asking, path: str, signed: str | None, on_behalf_of: str | None
    ) -> None:
        self._asking = asking
        self._path = path
        self._signed = signed
        self._on_behalf_of = on_behalf_of
        self._tally = Tally()
        self._collection = self._key = ""
        self.url = signed or asking.config.addresses.first + path
        self.id = path.rpartition("/")[2]
        self.offset = 0
        self.length: int | None = None
        self.expires: datetime | None = None
        self.stored: Stored | None = None
        self.sha256: str | None = None

    def send(self, data: Data, *, progress: Told | None = None) -> Op[None]:
        """Send `data`, which is the whole content: what the server has of it is passed over. Breaks
        are mended as long as some bytes get through now and then.

        Raises Unreachable and Unavailable when nothing gets through any more, and then the upload
        can be gone on with later; UploadExpired, NotFound, TooLarge, NoSpace, CheckRefused and
        DigestMismatch; ValueError where `data` does not have the announced length.
        """
        source: Source | Once = yield Work(lambda: source_of(data))
        yield from self.send_source(source, progress or (lambda _progress: None))

    def send_source(self, source: Source | Once, told: Told) -> Op[None]:
        """As `send`, for what `source_of` made of its argument."""
        if isinstance(source, Once):
            yield from self._send_once(source, told)
            return
        if self.length not in {None, source.length}:
            raise ValueError(
                f"the upload was announced with {self.length} bytes, data has {source.length}"
            )
        yield from self._push(source, 0, source.length, self._tally, told)
        self.sha256 = yield Work(lambda: source.fill(self._tally))

    def append(self, piece: bytes, *, last: bool = False) -> Op[None]:
        """Send `piece` behind those that were appended before; the `last`, which may be empty, ends
        the content. For content that comes into being bit by bit. Breaks are mended as in `send`;
        after an error that it raises only a new upload helps.
        """
        begin = self._tally.position
        self._tally.add(piece)
        total = self._tally.position if last else None
        yield from self._push(Held(piece), begin, total, Tally(), lambda _progress: None)
        if last:
            self.sha256 = self._tally.hexdigest()

    def refresh(self) -> Op[None]:
        """Ask where the upload stands; `offset`, `length`, `expires` and `stored` tell. Raises
        NotFound, UploadExpired.
        """
        answer = yield from self._asking.ask(self._call("HEAD"))
        self.describe(*_names(answer.headers.get("upload-metadata", "")))
        self.stands(answer.headers)

    def commit(
        self,
        sha256: str | None = None,
        *,
        if_match: Tags | None = None,
        if_none_match: Tags | None = None,
        on_behalf_of: str | None = None,
    ) -> Op[Stored]:
        """Make it the next version of its file; durable when this returns. Calling it again gives
        the same answer. `sha256` (hex) defaults to that of what was sent from here.

        Raises PreconditionFailed, Conflict where bytes are missing, DigestMismatch, CheckRefused,
        UploadExpired, NotFound, and what else the server answers.
        """
        return (
            yield from self.commit_if(conditions(if_match, if_none_match), sha256, on_behalf_of)
        )

    def commit_if(
        self, given: Headers, sha256: str | None = None, on_behalf_of: str | None = None
    ) -> Op[Stored]:
        """As `commit`, with preconditions as headers."""
        digest = sha256 or self.sha256
        headers = {**given, **self._asking.for_whom(on_behalf_of or self._on_behalf_of)}
        if digest is not None:
            headers["repr-digest"] = field_of(bytes.fromhex(digest))
        path = f"{self._path}/commit"
        answer = yield from self._asking.ask(
            Call("POST", "commit", path, headers=headers, body=b"")
        )
        self.stored = stored_of(json.loads(answer.body), created=answer.status == 201)
        if digest not in {None, self.stored.sha256}:
            raise DigestMismatch(f"{self._path} was committed with other bytes than were sent")
        return self.stored

    def delete(self) -> Op[None]:
        """Give the upload up; what was staged is removed. Raises NotFound."""
        try:
            yield from self._asking.ask(self._call("DELETE"))
        except NotFound as error:
            if not error.answer_lost:
                raise

    def discard(self) -> Op[None]:
        """`delete` where it makes no difference: it expires anyway."""
        with suppress(ClientError):
            yield from self.delete()

    def describe(self, collection: str, key: str) -> None:
        """What the upload is for."""
        self._collection, self._key = collection or self._collection, key or self._key

    def stands(self, headers: Mapping[str, str], *, length: int | None = None) -> None:
        """Take in what an answer says of the upload."""
        self.offset = int(headers.get("upload-offset", self.offset))
        announced = headers.get("upload-length")
        self.length = int(announced) if announced else self.length if length is None else length
        if "upload-expires" in headers:
            self.expires = parsedate_to_datetime(headers["upload-expires"])
        if "x-version" in headers:
            self.stored = Stored(
                self._collection,
                self._key,
                headers["x-version"],
                headers.get("etag", ""),
                self.offset,
                hex_of(headers.get("repr-digest")),
            )

    def _send_once(self, source: Once, told: Told) -> Op[None]:
        """An iterator, in parts that are held until the server has them."""
        begin, ended, taken = 0, False, iter(source.taken)
        while not ended:
            waiting, size = [], 0
            while size < PART and not ended:
                piece = next(taken, None) or (yield Pull(source.pull))
                ended = piece is None
                waiting.append(piece or b"")
                size += len(piece or b"")
            part = Held(b"".join(waiting))
            self._tally.add(part.data)
            total = begin + size if ended else None
            yield from self._push(part, begin, total, Tally(), told)
            begin += size
        self.sha256 = self._tally.hexdigest()

    def _push(
        self, source: Source, begin: int, total: int | None, tally: Tally, told: Told
    ) -> Op[None]:
        """Send `source`, whose first byte stands at `begin` of the whole, until the server has it.
        `total`: the length of the whole, once it is known.
        """
        if total is not None and self.length not in {None, total}:
            raise ValueError(f"data has {total} bytes, {self.length} were announced")
        patience, end = self._asking.patience(), begin + source.length
        while self.offset < end or (total is not None and self.length is None):
            if self.offset < begin:
                raise WrongOffset("the server lost bytes that it had; begin a new upload")
            rest = Rest(source, self.offset - begin, tally)
            yield from self._patch(rest, total, patience, told)
        if total is not None and self.offset > total:
            raise ValueError(f"the upload has {self.offset} bytes, data only {total}")

    def _patch(self, rest: Rest, total: int | None, patience: Patience, told: Told) -> Op[None]:
        before, known = self.offset, self.length or total
        headers = {
            **TUS,
            "content-type": "application/offset+octet-stream",
            "upload-offset": str(before),
        }
        if self.length is None and total is not None:
            headers["upload-length"] = str(total)
        # Of bytes under a checksum nothing is kept when the line breaks before their end.
        if isinstance(rest.source, Held) and rest.length <= PART:
            headers["upload-checksum"] = _checksum(rest)
        call = self._call("PATCH", headers, rest, lambda sent: told(Progress(before + sent, known)))
        try:
            answer = yield from self._asking.ask(call)
            self.stands(answer.headers, length=total)
            if self.offset == before and rest.length:
                raise Unavailable("the server took no byte")
        except ClientError as failure:
            if not isinstance(failure, PASSING) and failure.status != 460:
                raise
            yield Wait(patience.pause(failure))
            yield from self.refresh()
        if self.offset > before:
            patience.renew()

    def _call(
        self,
        method: str,
        headers: Mapping[str, str | bytes] = TUS,
        body: Rest | None = None,
        told: Callable[[int], object] | None = None,
    ) -> Call:
        own = {} if self._signed else self._asking.for_whom(self._on_behalf_of)
        return Call(
            method,
            "uploads",
            self._path,
            headers={**headers, **own},
            body=body,
            told=told,
            url=self._signed,
        )


def _checksum(rest: Rest) -> str:
    digest = hashlib.sha256(b"".join(rest.source.read_from(rest.start))).digest()
    return f"sha256 {base64.b64encode(digest).decode()}"


def _names(metadata: str) -> tuple[str, str]:
    """Collection and key of an Upload-Metadata; empty where it does not say."""
    pairs = (pair.split(" ", 1) for pair in metadata.split(",") if " " in pair)
    found = {name: base64.b64decode(text).decode() for name, text in pairs}
    return found.get("collection", ""), found.get("key", "")
