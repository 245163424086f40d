"""What is to be stored, as a source of bytes: in memory, in a file, or to be had only once."""

import hashlib
import io
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

PIECE = 1 << 20  # bytes read of a file at a time

Data: TypeAlias = (
    bytes | bytearray | memoryview | os.PathLike[str] | BinaryIO | Iterable[bytes]
    | AsyncIterable[bytes]
)  # fmt: skip


class Tally:
    """SHA-256 over bytes that come in order, some of them perhaps more than once."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.position = 0

    def take(self, start: int, piece: bytes) -> None:
        """`piece` stands at `start`; what is known already is passed over, a gap is not filled."""
        if start <= self.position < start + len(piece):
            self._hash.update(memoryview(piece)[self.position - start :])
            self.position = start + len(piece)

    def add(self, piece: bytes) -> None:
        """The next piece."""
        self.take(self.position, piece)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


class Source:
    """Bytes that can be read again from anywhere. `length` is their number."""

    length: int

    def read_from(self, start: int) -> Iterator[bytes]:
        """Everything from `start` on, in pieces. Raises ValueError if it changed in between."""
        raise NotImplementedError

    @property
    def blocking(self) -> bool:
        return True

    def fill(self, tally: Tally) -> str:
        """Take in what is missing; the SHA-256 of the whole in hex."""
        at = tally.position
        for piece in self.read_from(at):
            tally.take(at, piece)
            at += len(piece)
        return tally.hexdigest()


@dataclass(frozen=True)
class Rest:
    """The body of a request: a source from `start` on, counted as it goes."""

    source: Source
    start: int
    tally: Tally

    @property
    def length(self) -> int:
        return self.source.length - self.start

    @property
    def blocking(self) -> bool:
        return self.source.blocking

    def pieces(self) -> Iterator[bytes]:
        at = self.start
        for piece in self.source.read_from(at):
            self.tally.take(at, piece)
            yield piece
            at += len(piece)


class Held(Source):
    """In memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.length = len(data)

    @property
    def blocking(self) -> bool:
        return False

    def read_from(self, start: int) -> Iterator[bytes]:
        for at in range(start, self.length, PIECE):
            yield self.data[at : at + PIECE]


class OnDisk(Source):
    """A file by its path, opened anew for each reading."""

    def __init__(self, path: os.PathLike[str]) -> None:
        self._path = path
        self.length = os.stat(path).st_size

    def read_from(self, start: int) -> Iterator[bytes]:
        with open(self._path, "rb") as file:
            yield from _read_exactly(file, start, self.length)


class Opened(Source):
    """An open file that can seek, from where it stands to its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._begin = file.tell()
        self.length = max(0, file.seek(0, io.SEEK_END) - self._begin)
        file.seek(self._begin)

    def read_from(self, start: int) -> Iterator[bytes]:
        yield from _read_exactly(self._file, self._begin + start, self._begin + self.length)


@dataclass(frozen=True)
class Once:
    """Bytes that come once, from an iterator, sync or async, behind those `taken` of it already."""

    pull: Iterator[bytes] | AsyncIterator[bytes]
    taken: tuple[bytes, ...] = ()


def source_of(data: Any) -> Source | Once:
    """Raises TypeError for what holds no bytes; OSError where a path cannot be read."""
    if isinstance(data, bytes | bytearray | memoryview):
        return Held(bytes(data))
    if isinstance(data, str):
        raise TypeError("data is text; give bytes, or pathlib.Path(…) for the name of a file")
    if isinstance(data, os.PathLike):
        return OnDisk(data)
    if hasattr(data, "read"):
        return Opened(data) if _can_seek(data) else Once(iter(lambda: data.read(PIECE), b""))
    if isinstance(data, AsyncIterable):
        return Once(aiter(data))
    if isinstance(data, Iterable):
        return Once(iter(data))
    raise TypeError(f"data holds no bytes: {type(data).__name__}")


def _can_seek(file: Any) -> bool:
    seekable: Callable[[], bool] | None = getattr(file, "seekable", None)
    return seekable is not None and seekable()


def _read_exactly(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    while start < end:
        piece = file.read(min(PIECE, end - start))
        if not piece:
            raise ValueError("the file became shorter while it was read; store it again")
        yield piece
        start += len(piece)
