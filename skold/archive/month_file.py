"""A month of one node's audit as one file: the exact leaves, and beside them the private parts.

    "skold-audit-month-1\\n"
    BE32 H ‖ H header (JSON: node, month, leaves, checkpoint)
    BE64 n                       how many records
    BE64 B ‖ B bodies            one zstd frame: n times (BE64 index ‖ BE16 length ‖ body)
    BE64 P ‖ P private parts     one zstd frame: n times (BE32 length ‖ private part), same order
    32 SHA-256 of all before

Bodies and private parts are apart, so that a redaction writes the second frame anew and copies the
first byte by byte. Written once, durably, under its final name; read as a stream.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO

import orjson
import zstandard

from skold.disk import FILE_MODE, Disk, flush, opened
from skold.ledger.bundles import Leaf

MAGIC = b"skold-audit-month-1\n"
LEVEL = 9
_U32, _U64 = Struct(">I"), Struct(">Q")
_BODY = Struct(">QH")
_CHUNK = 1 << 20


class MonthFileDamaged(Exception):
    """The file is not what was written; the text says where."""


@dataclass(frozen=True, slots=True)
class Header:
    """`month` as `2025-11`; `leaves`: size of the ledger whose records of the month are here;
    `checkpoint`: the signed note that covers them."""

    node: str
    month: str
    leaves: int
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Written:
    """What lies there now."""

    path: Path
    sha256: str
    size: int
    records: int


class MonthFile:
    """An archived month, opened for reading. Raises MonthFileDamaged, OSError."""

    def __init__(self, path: Path) -> None:
        """Reads the head alone; `check` reads all."""
        self.path = path
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise MonthFileDamaged(f"{path} is no archived month")
            raw = _take(file, _U32.unpack(_take(file, 4, path))[0], path)
            (self.records,) = _U64.unpack(_take(file, 8, path))
            self._bodies, size = _section(file, path)
            file.seek(self._bodies + size)
            self._privates, self._private_size = _section(file, path)
        try:
            self.header = Header(**orjson.loads(raw))
        except (orjson.JSONDecodeError, TypeError) as error:
            raise MonthFileDamaged(f"{path}: its header cannot be read") from error

    def check(self) -> Written:
        """Read all of it against its checksum."""
        size = self.path.stat().st_size
        end = self._privates + self._private_size
        with self.path.open("rb") as file:
            found = _digest(file, end)
            if size != end + 32 or file.read(32) != found:
                raise MonthFileDamaged(f"{self.path}: its checksum does not hold")
            file.seek(0)
            whole = _digest(file, size)
        return Written(self.path, whole.hex(), size, self.records)

    def iter_leaves(self) -> Iterator[Leaf]:
        """Every record, in the order of the ledger."""
        count = 0
        with self.path.open("rb") as one, self.path.open("rb") as other:
            bodies, privates = _plain(one, self._bodies), _plain(other, self._privates)
            for _ in range(self.records):
                index, length = _BODY.unpack(self._exactly(bodies, _BODY.size))
                body = self._exactly(bodies, length)
                (length,) = _U32.unpack(self._exactly(privates, 4))
                yield Leaf(index, body, self._exactly(privates, length))
                count += 1

    def redact(self, is_redacted: Callable[[int], bool]) -> Written | None:
        """Write the file anew without the private parts of these leaves, durably, in its place.

        None where there was none left to take out.
        """
        if not any(leaf.private and is_redacted(leaf.index) for leaf in self.iter_leaves()):
            return None
        with self.path.open("rb") as file:
            head = self._privates - 8
            privates = (
                b"" if is_redacted(leaf.index) else leaf.private for leaf in self.iter_leaves()
            )
            return _write(
                self.path, lambda out: _copy(file, out, head), privates, records=self.records
            )

    def _exactly(self, stream: Any, length: int) -> bytes:
        parts = []
        while length:
            part = self._read(stream, length)
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _read(self, stream: Any, length: int) -> bytes:
        try:
            part: bytes = stream.read(length)
        except zstandard.ZstdError as error:
            raise MonthFileDamaged(f"{self.path}: {error}") from error
        if not part:
            raise MonthFileDamaged(f"{self.path} ends within a record")
        return part


def write_month(
    path: Path, header: Header, bodies: Iterable[tuple[int, bytes]], privates: Iterable[bytes]
) -> Written:
    """Write a month under its final name; it is on stable storage when this returns.

    `privates` is read after `bodies` has ended, and gives as many. A crash leaves nothing under the
    name. Raises OSError.
    """
    raw = orjson.dumps(
        {name: getattr(header, name) for name in Header.__slots__}, option=orjson.OPT_SORT_KEYS
    )
    counted = [0]

    def head(out: BinaryIO) -> None:
        out.write(MAGIC + _U32.pack(len(raw)) + raw)
        at = out.tell()
        out.write(_U64.pack(0))
        _frame(out, _entries(bodies, counted))
        _patch(out, at, counted[0])

    Disk().make_folder(path.parent)
    return _write(path, head, privates, records=None, counted=counted)


def _write(
    path: Path,
    head: Callable[[BinaryIO], None],
    privates: Iterable[bytes],
    *,
    records: int | None,
    counted: list[int] | None = None,
) -> Written:
    temporary = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    with opened(temporary, flags, FILE_MODE) as fd, os.fdopen(os.dup(fd), "w+b") as out:
        head(out)
        _frame(out, (_U32.pack(len(private)) + private for private in privates))
        end = out.tell()
        out.flush()
        out.seek(0)
        digest = _digest(out, end)
        out.seek(end)
        out.write(digest)
        out.flush()
        flush(fd)
        out.seek(0)
        whole = _digest(out, end + 32)
    temporary.rename(path)
    Disk().sync_folder(path.parent)
    found = records if records is not None else (counted or [0])[0]
    return Written(path, whole.hex(), end + 32, found)


def _entries(bodies: Iterable[tuple[int, bytes]], counted: list[int]) -> Iterator[bytes]:
    for index, body in bodies:
        counted[0] += 1
        yield _BODY.pack(index, len(body)) + body


def _frame(out: BinaryIO, entries: Iterable[bytes]) -> None:
    """A section: its length, and a zstd frame with a checksum."""
    at = out.tell()
    out.write(_U64.pack(0))
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with compressor.stream_writer(out, closefd=False) as stream:
        for entry in entries:
            stream.write(entry)
    _patch(out, at, out.tell() - at - 8)


def _patch(out: BinaryIO, at: int, value: int) -> None:
    end = out.tell()
    out.seek(at)
    out.write(_U64.pack(value))
    out.seek(end)


def _section(file: BinaryIO, path: Path) -> tuple[int, int]:
    """Where a section's frame begins, and its length."""
    (size,) = _U64.unpack(_take(file, 8, path))
    return file.tell(), size


def _plain(file: BinaryIO, offset: int) -> Any:
    file.seek(offset)
    return zstandard.ZstdDecompressor().stream_reader(file, closefd=False)


def _take(file: BinaryIO, length: int, path: Path) -> bytes:
    raw = file.read(length)
    if len(raw) != length:
        raise MonthFileDamaged(f"{path} ends within its head")
    return raw


def _copy(file: BinaryIO, out: BinaryIO, length: int) -> None:
    file.seek(0)
    while length:
        part = file.read(min(_CHUNK, length))
        if not part:
            raise MonthFileDamaged("the file became shorter while it was read")
        out.write(part)
        length -= len(part)


def _digest(file: BinaryIO, length: int) -> bytes:
    hashed = hashlib.sha256()
    while length:
        part = file.read(min(_CHUNK, length))
        if not part:
            break
        hashed.update(part)
        length -= len(part)
    return hashed.digest()
