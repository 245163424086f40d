"""Whether content is what its record declares, while it streams by."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from migrator.legacy.description import DigestKind
from migrator.legacy.errors import Empty, WrongDigest, WrongLength
from migrator.legacy.records import LegacyRecord

DIGEST_BYTES: dict[str, int] = {"md5": 16, "sha1": 20, "sha256": 32, "crc32": 4}


class Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Crc32:
    """CRC-32 (ISO 3309, as in gzip), big-endian."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def new_digest(kind: DigestKind) -> Digest:
    # MD5 and SHA-1 find accidents here; against malice the legacy database has no digest anyway.
    return Crc32() if kind == "crc32" else hashlib.new(kind, usedforsecurity=False)


def verified(
    pieces: Iterable[bytes], record: LegacyRecord, *, empty_allowed: bool
) -> Iterator[bytes]:
    """The same pieces. Raises WrongLength, WrongDigest or Empty, at the latest before it ends."""
    digest = new_digest(record.digest[0]) if record.digest else None
    size = 0
    for piece in pieces:
        size += len(piece)
        if record.length is not None and size > record.length:
            raise WrongLength(f"more than the declared {record.length} bytes")
        if digest:
            digest.update(piece)
        yield piece
    check_length(record, size, empty_allowed=empty_allowed)
    if digest and record.digest and digest.digest() != record.digest[1]:
        raise WrongDigest(f"the content does not have the declared {record.digest[0]}")


def check_length(record: LegacyRecord, size: int, *, empty_allowed: bool) -> None:
    """Raise WrongLength or Empty unless `size` bytes are what the record declares."""
    if record.length is not None and size != record.length:
        if size == 0:
            raise Empty(f"no content; {record.length} bytes are declared")
        raise WrongLength(f"{size} bytes instead of the declared {record.length}")
    if size == 0 and record.length is None and not empty_allowed:
        raise Empty("no content, and no declared length of 0")
