"""The header of a stored file: which keys open it, whose it is, how large, and its metadata.

The layout, offset by offset, stands in docs/format.md, section 1; the names below are its fields.
Opening checks, in this order: magic and version, the wrapped key, its commitment, the MAC over all
that precedes it, the sizes, and that address, year, number and metadata are those asked for. Only
then does a caller learn anything.
"""

import hmac
import os
import struct
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from contentserver.store import segments
from contentserver.store.address import Version, address_of
from contentserver.store.derive import (
    NONCE_SIZE,
    TAG_SIZE,
    Random,
    expand,
    key_encrypting_key,
    unwrap,
    wrap,
)
from contentserver.store.errors import BadMetadata, Corrupt
from contentserver.store.metadata import Metadata, room_for
from contentserver.store.recent import Recent
from contentserver.store.times import from_rfc3339

MAGIC = b"\x89SKF\r\n\x1a\n"
FORMAT_VERSION = 1
HEADER_MAX = 4096
"""Bytes; no header is longer."""

NO_ERASURE = bytes(16)
"""The erasure_id of a file that depends on no erasure key."""

_ERASABLE, _IMPORTED, _DELETED, _ALL_FLAGS = 1, 2, 4, 7
_FIXED = struct.Struct(">8sHHBBHIIII16s16s16s")
_SIZES = struct.Struct(">QQq32sHH")
_WRAP, _COMMITMENT, _SIZES_AT, _META_AT, _MAC_SIZE = 80, 140, 172, 232, 32
_STEP = 512


class YearKeys(Protocol):
    """What of a keyset the header needs."""

    @property
    def naming(self) -> bytes: ...

    def year_key(self, kek_id: int) -> bytes: ...

    def newest_year_key(self, year: int) -> tuple[int, bytes]: ...


class SubjectKeys(Protocol):
    """What of the erasure keys the header needs."""

    def get(self, erasure_id: bytes, *, cached_only: bool = False) -> bytes: ...


class Peeked(NamedTuple):
    """The clear fields of a header, not authenticated: for recovery and fixity only."""

    header_len: int
    flags: int
    version: Version
    kek_id: int
    address: bytes
    file_id: bytes
    erasure_id: bytes
    size: int
    body_size: int
    committed_at_ns: int
    body_sha256: bytes
    meta_len: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header that was opened: every field of it authenticated. Times are ns since the epoch."""

    version: Version
    address: bytes
    file_id: bytes
    erasure_id: bytes
    kek_id: int
    erasable: bool
    imported: bool
    deleted: bool
    size: int
    body_size: int
    header_len: int
    committed_at_ns: int
    modified_ns: int
    """The time to show: of an imported version the one its source claims, if it claims any."""
    body_sha256: bytes
    metadata: Metadata
    stream: segments.StreamKey

    @property
    def year(self) -> int:
        return self.version.year

    @property
    def number(self) -> int:
        return self.version.number

    @property
    def digest(self) -> bytes:
        """SHA-256 of the plaintext."""
        assert self.metadata.sha256 is not None
        return bytes.fromhex(self.metadata.sha256)


def header_length_for(metadata: Metadata) -> int:
    """The header_len to fix at stage one: room for these facts and all the commit may add."""
    least = _META_AT + NONCE_SIZE + room_for(metadata) + TAG_SIZE + _MAC_SIZE
    return -(-least // _STEP) * _STEP


def header_length(raw: segments.Bytes) -> int:
    """The length of the header that begins with these 12 bytes or more. Raises Corrupt."""
    if len(raw) < 12 or bytes(raw[:8]) != MAGIC:
        raise Corrupt("the file does not begin as a stored file")
    if int.from_bytes(raw[8:10], "big") != FORMAT_VERSION:
        raise Corrupt("the file is of another version of the format; use a newer program")
    length = int.from_bytes(raw[10:12], "big")
    if length % _STEP or not _STEP <= length <= HEADER_MAX:
        raise Corrupt("the header has an impossible length")
    return length


def seal_header(
    *,
    keyset: YearKeys,
    erasure: SubjectKeys,
    dek: bytes,
    file_id: bytes,
    header_len: int,
    address: bytes,
    version: Version,
    metadata: Metadata,
    size: int,
    body_size: int,
    committed_at_ns: int,
    body_sha256: bytes,
    erasure_id: bytes = NO_ERASURE,
    imported: bool = False,
    deleted: bool = False,
    random: Random = os.urandom,
) -> bytes:
    """The header, `header_len` bytes, under the newest key of the version's year.

    Raises KeyMissing or Erased for keys, BadMetadata if the facts do not fit the length or lack
    the plaintext's SHA-256.
    """
    kek_id, year_key = keyset.newest_year_key(version.year)
    erasable = erasure_id != NO_ERASURE
    kek = key_encrypting_key(year_key, kek_id, erasure.get(erasure_id) if erasable else b"")
    if metadata.sha256 is None:
        raise BadMetadata("sha256", "is missing; the commit adds it")
    flags = _ERASABLE * erasable | _IMPORTED * imported | _DELETED * deleted
    fixed = _FIXED.pack(
        MAGIC, FORMAT_VERSION, header_len, segments.SUITE, flags, version.year, version.number,
        kek_id, segments.SEGMENT_SIZE, 0, address, file_id, erasure_id,
    )  # fmt: skip
    meta = wrap(_metadata_key(dek), metadata.to_json(), _metadata_data(file_id), random)
    clear = fixed + wrap(kek, dek, _wrap_data(fixed), random) + _commitment(dek, file_id)
    clear += _SIZES.pack(size, body_size, committed_at_ns, body_sha256, len(meta), 0) + meta
    if len(clear) + _MAC_SIZE > header_len:
        raise BadMetadata("metadata", f"does not fit the header's {header_len} bytes")
    clear += bytes(header_len - _MAC_SIZE - len(clear))
    return clear + _mac(dek, clear)


def peek(raw: segments.Bytes) -> Peeked:
    """The clear fields of what begins with a header. Raises Corrupt if it cannot be one."""
    length = header_length(raw)
    if len(raw) < _META_AT:
        raise Corrupt("the file ends within its header")
    (
        _,
        _,
        _,
        suite,
        flags,
        year,
        number,
        kek_id,
        segment_size,
        zero,
        address,
        file_id,
        erasure_id,
    ) = _FIXED.unpack_from(raw)
    size, body_size, committed_at_ns, body_sha256, meta_len, zero_too = _SIZES.unpack_from(
        raw, _SIZES_AT
    )
    if suite != segments.SUITE or segment_size != segments.SEGMENT_SIZE or flags > _ALL_FLAGS:
        raise Corrupt("the header names a suite, segment size or flag of another version")
    if zero or zero_too or _META_AT + meta_len + _MAC_SIZE > length:
        raise Corrupt("the header is not laid out as a header")
    if bool(flags & _ERASABLE) != (erasure_id != NO_ERASURE):
        raise Corrupt("the header contradicts itself about its erasure key")
    return Peeked(
        length, flags, Version(year, number), kek_id, address, file_id, erasure_id,
        size, body_size, committed_at_ns, body_sha256, meta_len,
    )  # fmt: skip


def open_header(
    raw: segments.Bytes,
    keyset: YearKeys,
    erasure: SubjectKeys,
    *,
    address: bytes,
    version: Version,
    body_size: int,
    cached_only: bool = False,
) -> Header:
    """The header that `raw` begins with, all of it verified against what was asked for.

    `body_size` is the file's size less `header_len`. Raises Corrupt; KeyMissing if a key is not
    there; Erased; with `cached_only` fileops.WouldBlock instead of asking a cold disk for an
    erasure key. A header opened before by this process is not decrypted again, but its keys are
    asked for and its commitment is checked each time.
    """
    exact = bytes(raw[: header_length(raw)])
    known = _opened.find(exact)
    facts = known.facts if known else peek(exact)
    year_key = keyset.year_key(facts.kek_id)
    subject_key = b""
    if facts.erasure_id != NO_ERASURE:
        subject_key = erasure.get(facts.erasure_id, cached_only=cached_only)
    keys = (year_key, subject_key, keyset.naming)
    if known is None or known.keys != keys:
        known = _Known(facts, keys, *_open(exact, facts, keys))
        _opened.keep(exact, known)
    elif not hmac.compare_digest(_commitment(known.dek, facts.file_id), exact[140:172]):
        raise Corrupt("the file's key is not the one its header commits to")
    if facts.body_size != body_size:
        raise Corrupt("the file is not as long as its header says")
    if facts.address != address or facts.version != version:
        raise Corrupt("the file belongs to another name or version")
    return known.header


def _open(exact: bytes, facts: Peeked, keys: tuple[bytes, bytes, bytes]) -> tuple[bytes, Header]:
    """The file's key and the header, verified in the order of the format."""
    if len(exact) != facts.header_len:
        raise Corrupt("the file ends within its header")
    year_key, subject_key, naming = keys
    kek = key_encrypting_key(year_key, facts.kek_id, subject_key)
    dek = unwrap(kek, exact[_WRAP:_COMMITMENT], _wrap_data(exact[:_WRAP]), "the file's key")
    if not hmac.compare_digest(_commitment(dek, facts.file_id), exact[_COMMITMENT:_SIZES_AT]):
        raise Corrupt("the file's key is not the one its header commits to")
    if not hmac.compare_digest(_mac(dek, exact[:-_MAC_SIZE]), exact[-_MAC_SIZE:]):
        raise Corrupt("the header does not authenticate")
    if facts.body_size != segments.body_size(facts.size):
        raise Corrupt("the header contradicts itself about the size")
    return dek, _header(facts, dek, _metadata(exact, facts, dek, naming))


def _metadata(exact: bytes, facts: Peeked, dek: bytes, naming: bytes) -> Metadata:
    end = _META_AT + facts.meta_len
    if exact[end:-_MAC_SIZE].strip(b"\0"):
        raise Corrupt("the header is not laid out as a header")
    data = _metadata_data(facts.file_id)
    plain = unwrap(_metadata_key(dek), exact[_META_AT:end], data, "the file's metadata")
    try:
        metadata = Metadata.from_json(plain)
    except BadMetadata as error:
        raise Corrupt(f"the file's metadata cannot be read: {error}") from None
    if address_of(naming, metadata.collection, metadata.key) != facts.address:
        raise Corrupt("the file's metadata belong to another name")
    if metadata.sha256 is None:
        raise Corrupt("the file's metadata lack its digest")
    return metadata


def _header(facts: Peeked, dek: bytes, metadata: Metadata) -> Header:
    return Header(
        version=facts.version,
        address=facts.address,
        file_id=facts.file_id,
        erasure_id=facts.erasure_id,
        kek_id=facts.kek_id,
        erasable=bool(facts.flags & _ERASABLE),
        imported=bool(facts.flags & _IMPORTED),
        deleted=bool(facts.flags & _DELETED),
        size=facts.size,
        body_size=facts.body_size,
        header_len=facts.header_len,
        committed_at_ns=facts.committed_at_ns,
        modified_ns=_modified(facts, metadata),
        body_sha256=facts.body_sha256,
        metadata=metadata,
        stream=segments.body_stream(dek, facts.file_id),
    )


def _modified(facts: Peeked, metadata: Metadata) -> int:
    if not facts.flags & _IMPORTED or metadata.original_time is None:
        return facts.committed_at_ns
    try:
        return from_rfc3339(metadata.original_time)
    except ValueError:  # a day there is not; the writer refuses it
        return facts.committed_at_ns


def _wrap_data(fixed: bytes) -> bytes:
    return b"skold/wrap/v1\0" + fixed


def _commitment(dek: bytes, file_id: bytes) -> bytes:
    return expand(dek, b"skold/commit/v1\0" + file_id)


def _metadata_key(dek: bytes) -> bytes:
    return expand(dek, b"skold/meta-key/v1\0")


def _metadata_data(file_id: bytes) -> bytes:
    return b"skold/meta/v1\0" + file_id


def _mac(dek: bytes, clear: bytes) -> bytes:
    return hmac.digest(expand(dek, b"skold/hdr-mac/v1\0"), clear, "sha256")


class _Known(NamedTuple):
    """A header that was opened, and the keys that opened it."""

    facts: Peeked
    keys: tuple[bytes, bytes, bytes]
    dek: bytes
    header: Header


_opened: Recent[bytes, _Known] = Recent(10_240)
"""By the exact bytes of the header, so one flipped bit is not found. 3 to 4 KB for each."""
