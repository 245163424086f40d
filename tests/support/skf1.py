"""A second reader and writer of stored files, made from docs/format.md alone.

It shares nothing with contentserver.store, so that a mistake there is not made here as well; it
holds whole files in memory and is in no hurry. The writer lets every field be set wrong.
"""

import hashlib
import hmac
import json
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

C = 131072


class Refused(Exception):
    """The file is not one; the text is the first check that failed."""


def x(key: bytes, info: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, info).derive(key)


def kek(year_key: bytes, kek_id: int, erasure_key: bytes) -> bytes:
    message = b"skold/kek/v1\0" + struct.pack(">I", kek_id) + erasure_key
    return hmac.new(year_key, message, hashlib.sha256).digest()


def address(naming: bytes, collection: str, key: str) -> bytes:
    message = collection.encode() + b"\0" + key.encode()
    return hmac.new(naming, message, hashlib.sha256).digest()[:16]


def associated_data(file_id: bytes) -> bytes:
    return b"skold/body/v1\0" + b"\x01" + struct.pack(">I", C) + file_id


def body_key(dek: bytes) -> bytes:
    return x(dek, b"skold/tink-key/v1\0")


def part_key(upload_key: bytes, part: int) -> bytes:
    return x(upload_key, b"skold/part/v1\0" + struct.pack(">I", part))


def segments_of(body: bytes) -> list[bytes]:
    rest = [body[at : at + C] for at in range(C, len(body), C)]
    return [body[40:C], *rest]


def open_body(ikm: bytes, file_id: bytes, body: bytes) -> bytes:
    """The whole plaintext of a body."""
    cipher = stream_cipher(ikm, file_id, body[1:33])
    parts = segments_of(body)
    plain = b""
    for number, sealed in enumerate(parts):
        last = b"\1" if number == len(parts) - 1 else b"\0"
        try:
            plain += cipher.decrypt(body[33:40] + struct.pack(">I", number) + last, sealed, None)
        except InvalidTag:
            raise Refused(f"segment {number}") from None
    if body[:1] != b"\x28":
        raise Refused("length byte")
    return plain


def seal_body(ikm: bytes, file_id: bytes, plain: bytes, salt: bytes, prefix: bytes) -> bytes:
    """A body, its salt and nonce prefix given."""
    cipher = stream_cipher(ikm, file_id, salt)
    cuts = [0, *range(C - 56, max(len(plain), 1), C - 16)]
    out = b"\x28" + salt + prefix
    for number, at in enumerate(cuts):
        piece = plain[at : cuts[number + 1]] if number + 1 < len(cuts) else plain[at:]
        last = b"\1" if number + 1 == len(cuts) else b"\0"
        out += cipher.encrypt(prefix + struct.pack(">I", number) + last, piece, None)
    return out


def stream_key(ikm: bytes, file_id: bytes, salt: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, associated_data(file_id)).derive(ikm)


def stream_cipher(ikm: bytes, file_id: bytes, salt: bytes) -> AESGCM:
    return AESGCM(stream_key(ikm, file_id, salt))


@dataclass
class File:
    """What to write; every field may be given a wrong value."""

    year_key: bytes
    dek: bytes
    plain: bytes
    metadata: dict[str, Any]
    address: bytes
    erasure_key: bytes = b""
    magic: bytes = b"\x89SKF\r\n\x1a\n"
    version: int = 1
    header_len: int = 512
    suite: int = 1
    flags: int = 0
    year: int = 2025
    number: int = 1
    kek_id: int = 2025001
    segment_size: int = C
    zero: int = 0
    file_id: bytes = bytes(range(16))
    erasure_id: bytes = bytes(16)
    wrap_nonce: bytes = b"wrap-nonce--"
    meta_nonce: bytes = b"meta-nonce--"
    salt: bytes = bytes(range(32))
    prefix: bytes = b"prefix7"
    committed_at: int = 1_735_689_600_000_000_000
    size: int | None = None
    body_size: int | None = None
    wrapped: bytes | None = None
    commitment: bytes | None = None
    padding: bytes = b"\0"
    body: bytes = field(default=b"", init=False)

    def write(self) -> bytes:
        """Header and body."""
        self.body = seal_body(body_key(self.dek), self.file_id, self.plain, self.salt, self.prefix)
        return self.header() + self.body

    def fixed(self) -> bytes:
        return struct.pack(
            ">8sHHBBHIIII16s16s16s", self.magic, self.version, self.header_len, self.suite,
            self.flags, self.year, self.number, self.kek_id, self.segment_size, self.zero,
            self.address, self.file_id, self.erasure_id,
        )  # fmt: skip

    def header(self) -> bytes:
        fixed = self.fixed()
        key = kek(self.year_key, self.kek_id, self.erasure_key)
        data = b"skold/wrap/v1\0" + fixed
        wrapped = self.wrapped or AESGCM(key).encrypt(self.wrap_nonce, self.dek, data)
        commitment = self.commitment or x(self.dek, b"skold/commit/v1\0" + self.file_id)
        text = json.dumps(self.metadata, ensure_ascii=False, separators=(",", ":")).encode()
        meta = self.meta_nonce + AESGCM(x(self.dek, b"skold/meta-key/v1\0")).encrypt(
            self.meta_nonce, text, b"skold/meta/v1\0" + self.file_id
        )
        sizes = struct.pack(
            ">QQq32sHH",
            len(self.plain) if self.size is None else self.size,
            len(self.body) if self.body_size is None else self.body_size,
            self.committed_at, hashlib.sha256(self.body).digest(), len(meta), 0,
        )  # fmt: skip
        clear = fixed + self.wrap_nonce + wrapped + commitment + sizes + meta
        clear = clear.ljust(self.header_len - 32, self.padding)
        return clear + mac(self.dek, clear)


def mac(dek: bytes, clear: bytes) -> bytes:
    return hmac.new(x(dek, b"skold/hdr-mac/v1\0"), clear, hashlib.sha256).digest()


@dataclass
class Opened:
    """What a file says, verified."""

    plain: bytes
    metadata: dict[str, Any]
    flags: int
    committed_at: int


def open_file(
    raw: bytes,
    *,
    year_keys: dict[int, bytes],
    naming: bytes,
    erasure_keys: dict[bytes, bytes],
    asked_address: bytes,
    asked: tuple[int, int],
) -> Opened:
    """The whole file. Raises Refused; KeyError for a key that is not given."""
    check(raw[:10] == b"\x89SKF\r\n\x1a\n\0\1", "magic and version")
    (length,) = struct.unpack(">H", raw[10:12])
    check(length in range(512, 4097, 512) and len(raw) >= length, "header length")
    head = raw[:length]
    suite, flags, year, number, kek_id, segment, zero = struct.unpack(">BBHIIII", head[12:32])
    own, file_id, erasure_id = head[32:48], head[48:64], head[64:80]
    check((suite, segment, zero) == (1, C, 0) and flags < 8, "suite and flags")
    check(bool(flags & 1) == (erasure_id != bytes(16)), "erasure id")
    subject = erasure_keys[erasure_id] if flags & 1 else b""
    dek = unwrap(kek(year_keys[kek_id], kek_id, subject), head)
    check(x(dek, b"skold/commit/v1\0" + file_id) == head[140:172], "commitment")
    check(mac(dek, head[:-32]) == head[-32:], "header MAC")
    size, body_size, at, digest, meta_len, zero = struct.unpack(">QQq32sHH", head[172:232])
    body = raw[length:]
    check(len(body) == body_size and zero == 0, "body size")
    check((own, year, number) == (asked_address, *asked), "address and version")
    check(not head[232 + meta_len : -32].strip(b"\0"), "padding")
    metadata = open_metadata(dek, file_id, head[232 : 232 + meta_len])
    check(address(naming, metadata["collection"], metadata["key"]) == own, "metadata's name")
    check(hashlib.sha256(body).digest() == digest, "fixity")
    plain = open_body(body_key(dek), file_id, body)
    check(len(plain) == size, "size")
    check(hashlib.sha256(plain).hexdigest() == metadata["sha256"], "digest")
    return Opened(plain, metadata, flags, at)


def unwrap(key: bytes, head: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(head[80:92], head[92:140], b"skold/wrap/v1\0" + head[:80])
    except InvalidTag:
        raise Refused("wrapped key") from None


def open_metadata(dek: bytes, file_id: bytes, meta: bytes) -> dict[str, Any]:
    cipher = AESGCM(x(dek, b"skold/meta-key/v1\0"))
    try:
        text = cipher.decrypt(meta[:12], meta[12:], b"skold/meta/v1\0" + file_id)
    except InvalidTag:
        raise Refused("metadata") from None
    found: dict[str, Any] = json.loads(text)
    return found


def check(holds: bool, what: str) -> None:
    if not holds:
        raise Refused(what)
