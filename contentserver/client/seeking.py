"""A file read from anywhere: ranges of one version, larger while reading goes straight on."""

import hashlib
import io
from typing import Final

from contentserver.client.asking import Asking
from contentserver.client.download import Reading
from contentserver.client.errors import Damaged
from contentserver.client.steps import Op
from contentserver.client.values import FileInfo

SMALLEST: Final = 1 << 18  # bytes fetched at once after a jump
LARGEST: Final = 1 << 23  # bytes fetched at once, and so held in memory, while reading goes on


class Seeking:
    """`info` is of the version that is read; `size` its bytes."""

    def __init__(
        self,
        asking: Asking,
        info: FileInfo,
        parameters: list[tuple[str, str]],
        on_behalf_of: str | None,
    ) -> None:
        self.info = info
        self._asking = asking
        self._parameters = [("version", info.version)] if info.version else parameters
        self._on_behalf_of = on_behalf_of
        self._window, self._begin = b"", 0
        self._span = SMALLEST
        self._hash = hashlib.sha256()
        self._hashed = 0
        self.position = 0

    @property
    def size(self) -> int:
        """Raises OSError while nobody knows it: a legacy database may send without a length."""
        if self.info.size is None:
            raise OSError("the length of this file is not known; read it with get()")
        return self.info.size

    def read(self, size: int = -1) -> Op[bytes]:
        """Up to `size` bytes, all that are left with -1; fewer only at the end."""
        left = max(0, self.size - self.position)
        wanted = left if size is None or size < 0 else min(size, left)
        found = []
        while wanted:
            piece = yield from self.read_some(wanted)
            found.append(piece)
            wanted -= len(piece)
        return b"".join(found)

    def read_some(self, most: int) -> Op[bytes]:
        """At least one byte and at most `most`; none at the end. One request at most."""
        if self.position >= self.size or most <= 0:
            return b""
        if not self._begin <= self.position < self._begin + len(self._window):
            yield from self._fetch()
        at = self.position - self._begin
        piece = self._window[at : at + most]
        self.position += len(piece)
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As files do. Raises ValueError before the beginning."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning of the file")
        self.position = base + offset
        return self.position

    def _fetch(self) -> Op[None]:
        straight = self.position == self._begin + len(self._window)
        self._span = min(LARGEST, self._span * 2) if straight and self._window else SMALLEST
        reading = Reading(
            self._asking, self.info.collection, self.info.key, self._parameters, self._on_behalf_of
        )
        yield from reading.begin(self.position, self._span, self.info.etag)
        self._window, self._begin = (yield from reading.read()), self.position
        self._compare()

    def _compare(self) -> None:
        """Reading from the first byte to the last without a gap is a whole read."""
        if self._begin != self._hashed:
            return
        self._hash.update(self._window)
        self._hashed += len(self._window)
        whole = self._hashed == self.info.size
        if whole and self.info.sha256 not in {None, self._hash.hexdigest()}:
            raise Damaged(f"{self.info.key}: the bytes do not have the SHA-256 {self.info.sha256}")
