"""A stored file in memory, and how the store opens it."""

import hashlib
import os
from dataclasses import dataclass, replace
from typing import Any

from contentserver.store.address import Version, address_of
from contentserver.store.header import (
    NO_ERASURE,
    Header,
    header_length,
    header_length_for,
    open_header,
    seal_header,
)
from contentserver.store.metadata import Metadata
from contentserver.store.segments import SegmentReader, SegmentWriter, body_stream
from tests.support.keys import YEAR, Keys


@dataclass
class Sealed:
    """The bytes of a file, and who it is."""

    raw: bytes
    address: bytes
    version: Version
    plain: bytes

    @property
    def header_len(self) -> int:
        return header_length(self.raw)

    def with_raw(self, raw: bytes) -> "Sealed":
        return replace(self, raw=raw)


def seal(keys: Keys, plain: bytes, *, subject: str | None = None, **facts: Any) -> Sealed:
    """A file written as a commit writes it."""
    dek, file_id = os.urandom(32), os.urandom(16)
    writer = SegmentWriter(body_stream(dek, file_id))
    body = b"".join(writer.write(plain) + writer.finish())
    version = facts.pop("version", Version(YEAR, 1))
    flags = {name: facts.pop(name, False) for name in ("imported", "deleted")}
    digest = hashlib.sha256(plain).hexdigest()
    names = {"collection": "photos", "key": "a", "sha256": digest, "data_subject": subject}
    metadata = Metadata(**(names | facts))
    erasure_id = keys.erasure.id_for(metadata.collection, subject) if subject else NO_ERASURE
    if subject:
        keys.erasure.obtain(erasure_id)
    address = address_of(keys.data.naming, metadata.collection, metadata.key)
    header = seal_header(
        keyset=keys.data,
        erasure=keys.erasure,
        dek=dek,
        file_id=file_id,
        header_len=header_length_for(metadata),
        address=address,
        version=version,
        metadata=metadata,
        size=len(plain),
        body_size=writer.size,
        committed_at_ns=1_735_689_600_000_000_000,
        body_sha256=writer.body_sha256,
        erasure_id=erasure_id,
        **flags,
    )
    return Sealed(header + body, address, version, plain)


def open_sealed(keys: Keys, file: Sealed, **asked: Any) -> tuple[Header, SegmentReader]:
    """Header and reader, as the store opens a slot."""
    length = header_length(file.raw)
    header = open_header(
        file.raw,
        keys.data,
        keys.erasure,
        **{"address": file.address, "version": file.version} | asked,
        body_size=len(file.raw) - length,
    )

    def pread(offset: int, n: int) -> memoryview:
        return memoryview(file.raw)[length + offset : length + offset + n]

    return header, SegmentReader(header.stream, pread, header.size)


def read_sealed(keys: Keys, file: Sealed, start: int = 0, length: int | None = None) -> bytes:
    """Plaintext of a range, or of all."""
    header, reader = open_sealed(keys, file)
    return reader.read(start, header.size if length is None else length)
