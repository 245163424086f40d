"""A second reader of keys, documents, uploads, journals and ledgers, made from docs/format.md.

It shares nothing with the code it checks; stored files themselves are read by `skf1`.
"""

import base64
import hashlib
import hmac
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.skf1 import x

Keys = dict[str, dict[str, bytes]]


def open_sealed(key: bytes, sealed: bytes, data: bytes) -> bytes:
    """nonce[12] and ciphertext."""
    return AESGCM(key).decrypt(sealed[:12], sealed[12:], data)


def read_root_key(path: Path) -> bytes:
    return base64.b64decode(path.read_text().strip())


def read_keyset(path: Path, root_key: bytes, role: str) -> Keys:
    """Kind -> id -> key, section 3."""
    document = json.loads(path.read_bytes())
    assert (document["format"], document["role"]) == ("skold-keyset-1", role)
    keys: Keys = {}
    text = role.encode() + b"\0" + struct.pack(">Q", document["number"])
    for entry in document["keys"]:
        kind, key_id = entry["kind"], entry["id"]
        wrapped = base64.b64decode(entry["wrapped"])
        data = f"skold/keyset/v1\0{role}\0{kind}\0{key_id}".encode()
        keys.setdefault(kind, {})[key_id] = open_sealed(root_key, wrapped, data)
        text += f"{kind}\0{key_id}\0".encode() + wrapped
    mac = hmac.new(x(root_key, b"skold/keyset-mac/v1\0"), text, hashlib.sha256).hexdigest()
    assert mac == document["mac"]
    assert int(path.with_name(f"{path.name}.seen").read_text()) == document["number"]
    return keys


def read_erasure_key(folder: Path, erasure_id: bytes, wrapping: dict[str, bytes]) -> bytes:
    name = erasure_id.hex()
    raw = (folder / name[:2] / name[2:4] / name).read_bytes()
    magic, version, zero, number = struct.unpack(">8sHHI", raw[:16])
    assert (magic, version, zero) == (b"\x89SKE\r\n\x1a\n", 1, 0)
    assert (len(raw), raw[16:32]) == (92, erasure_id)
    return open_sealed(wrapping[str(number)], raw[32:], b"skold/erasure-key/v1\0" + raw[:32])


def read_signed(path: Path, kind: str, public_keys: dict[str, bytes]) -> dict[str, Any]:
    """The payload of a signed document, section 6."""
    document = json.loads(path.read_bytes())
    signature = base64.b64decode(document.pop("signature"))
    assert (document["format"], document["kind"]) == ("skold-signed-1", kind)
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    key = Ed25519PublicKey.from_public_bytes(public_keys[document["key_id"]])
    key.verify(signature, b"skold/signed/v1\0" + canonical.encode())
    return document["payload"]


def read_staged(path: Path, upload_id: bytes, years: dict[str, bytes]) -> dict[str, Any]:
    """`info` or `receipt` of a staged upload, section 4."""
    raw = path.read_bytes()
    magic, kek_id = struct.unpack(">4sI", raw[:8])
    assert magic == b"SKU1"
    data = upload_id + (b"receipt" if path.name == "receipt" else b"")
    found = open_sealed(x(years[str(kek_id)], b"skold/staging/v1\0"), raw[8:], data)
    return json.loads(found)


class Record(NamedTuple):
    """One frame of a journal; a beat too."""

    n: int
    body: bytes
    private: bytes

    @property
    def fields(self) -> dict[str, Any]:
        return json.loads(self.body)


def iter_records(writer: Path) -> Iterator[Record]:
    """The verified frames of one writer, section 7; ends at the first byte that is no frame."""
    chain = hashlib.sha256(b"skold/audit/genesis/v1\0" + writer.name.encode()).digest()
    expected = 0
    for segment in sorted(writer.glob("*.skj")):
        raw, at = segment.read_bytes(), 0
        while length := struct.unpack(">I", raw[at : at + 4])[0]:
            n, linked = struct.unpack(">Q32s", raw[at + 4 : at + 44])
            body = raw[at + 44 : at + 44 + length]
            end = at + 44 + length
            (size,) = struct.unpack(">I", raw[end : end + 4])
            private = raw[end + 4 : end + 4 + size]
            end += 4 + size
            assert struct.unpack(">I", raw[end : end + 4])[0] == zlib.crc32(raw[at:end])
            record = Record(n, body, private)
            if record.fields["kind"] != "beat":
                leaf = hashlib.sha256(b"\0" + body).digest()
                chain = hashlib.sha256(b"skold/audit/chain/v1\0" + chain + leaf).digest()
                assert n == expected
                expected += 1
            assert linked == chain
            yield record
            at = end + 4


def read_bundle(path: Path, width: int) -> list[bytes]:
    """Entries of a bundle, each behind a length of `width` bytes, section 8."""
    raw, at, entries = path.read_bytes(), 0, []
    while at < len(raw):
        size = int.from_bytes(raw[at : at + width], "big")
        entries.append(raw[at + width : at + width + size])
        at += width + size
    return entries
