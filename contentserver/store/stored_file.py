"""A stored version, open for reading.

A small body is read into a buffer that is used again: a fresh one of this size costs more in page
faults than the read itself.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import Self
from uuid import UUID

from contentserver.store import fileops, segments
from contentserver.store.address import Version
from contentserver.store.environment import Environment
from contentserver.store.errors import Unavailable
from contentserver.store.header import HEADER_MAX, Header, open_header
from contentserver.store.results import VersionInfo, etag_of

_ROOM = segments.SEGMENT_SIZE
"""Bytes of a body that a buffer has room for."""

_CHUNK = 8
"""Segments read and handed out together: a little under 1 MiB."""

_SPARE = 64
_buffers: list[bytearray] = []


class StoredFile:
    """One version; every byte it gives was authenticated on that read. Close it, or use it as a
    context.
    """

    __slots__ = (
        "_buffer", "_cached", "_fd", "_reader", "committed_at_ns",
        "header", "metadata", "modified_ns", "root", "size", "version",
    )  # fmt: skip

    def __init__(self, fd: int, root: str, header: Header) -> None:
        self._fd = fd
        self._buffer: bytearray | None = None
        self._cached = False
        self._reader = segments.SegmentReader(header.stream, self._pread, header.size)
        self.root = root
        self.header = header
        self.version: Version = header.version
        self.size = header.size
        self.metadata = header.metadata
        self.committed_at_ns = header.committed_at_ns
        self.modified_ns = header.modified_ns

    @property
    def digest(self) -> bytes:
        """SHA-256 of the plaintext."""
        return self.header.digest

    @property
    def etag(self) -> str:
        """The strong entity tag, quoted."""
        return etag_of(self.version, self.digest)

    def read(self, start: int, length: int, *, cached_only: bool = False) -> bytes:
        """Plaintext from `start`, shorter only at the end. Raises Corrupt; WouldBlock with
        `cached_only`.
        """
        pieces = self.pieces(start, length, cached_only=cached_only)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def pieces(self, start: int, length: int, *, cached_only: bool = False) -> list[bytes]:
        """As `read`, in pieces of at most 128 KiB that have not been joined."""
        self._cached = cached_only
        try:
            return self._reader.pieces(start, length)
        finally:
            self._release()

    def chunks(self, start: int, length: int) -> Iterator[tuple[int, int]]:
        """(start, length) of reads of at most 1 MiB that together are the range and touch each
        segment once.
        """
        end = min(start + length, self.size)
        while start < end:
            border = segments.segment_start(segments.segment_of(start) + _CHUNK)
            yield start, min(border, end) - start
            start = min(border, end)

    def info(self) -> VersionInfo:
        """The facts of this version."""
        return info_of(self.header, self.root)

    def close(self) -> None:
        """Let the descriptor go; twice is fine."""
        if self._fd < 0:
            return
        fileops.close(self._fd)
        self._fd = -1
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _pread(self, offset: int, length: int) -> memoryview:
        at = self.header.header_len + offset
        buffer = self._room_for(offset, length)
        try:
            return buffer[: _fill(self._fd, buffer, at, cached_only=self._cached)]
        except OSError as error:
            raise Unavailable(f"the disk refused: {error.strerror or error}") from error

    def _room_for(self, offset: int, length: int) -> memoryview:
        """A body that is read in one go is decrypted at once, so it may lie where others have lain:
        that memory is in the processor's cache.
        """
        if offset == 0 and length == self.header.body_size <= _ROOM:
            self._buffer = self._buffer or _take()
            return memoryview(self._buffer)[:length]
        return memoryview(bytearray(length))

    def _release(self) -> None:
        """Give the buffer back for the next file."""
        buffer, self._buffer = self._buffer, None
        if buffer is not None and len(_buffers) < _SPARE:
            _buffers.append(buffer)


def open_stored(
    environment: Environment,
    fd: int,
    root: str,
    address: bytes,
    version: Version,
    *,
    cached_only: bool = False,
    read_ahead: int = 0,
) -> StoredFile:
    """Verify the header of an open slot; its descriptor is taken over, and closed on any error.

    The kernel is asked to fetch `read_ahead` bytes of the file behind the header meanwhile.
    """
    buffer = bytearray(HEADER_MAX)
    try:
        size = fileops.size_of(fd)
        filled = _fill(fd, memoryview(buffer)[:size], 0, cached_only=cached_only)
        if read_ahead:
            fileops.read_ahead(fd, filled, read_ahead)
        header = open_header(
            memoryview(buffer)[:filled],
            environment.keyset,
            environment.erasure,
            address=address,
            version=version,
            body_size=size - int.from_bytes(buffer[10:12], "big"),  # checked with the header
            cached_only=cached_only,
        )
    except BaseException:
        fileops.close(fd)
        raise
    return StoredFile(fd, root, header)


def _fill(fd: int, buffer: memoryview, offset: int, *, cached_only: bool) -> int:
    """Read at `offset`; with `cached_only` all of `buffer`, or WouldBlock."""
    if not cached_only:
        return fileops.read_at(fd, buffer, offset)
    if fileops.read_at_cached(fd, buffer, offset) < len(buffer):
        raise fileops.WouldBlock
    return len(buffer)


def info_of(header: Header, root: str) -> VersionInfo:
    """The facts a header tells."""
    return VersionInfo(
        version=header.version,
        address=header.address,
        file_id=UUID(bytes=header.file_id),
        size=header.size,
        sha256=header.digest,
        metadata=header.metadata,
        committed_at_ns=header.committed_at_ns,
        modified_ns=header.modified_ns,
        deleted=header.deleted,
        imported=header.imported,
        erasable=header.erasable,
        stored_size=header.header_len + header.body_size,
        root=root,
    )


def _take() -> bytearray:
    try:
        return _buffers.pop()
    except IndexError:
        return bytearray(_ROOM)
