"""Writes docs/vectors/staging: `python -m tests.vectors.make_staging_vectors`.

Infos and receipts of staged uploads, good and bad. Shares no code with the server; fixed values, so
the files come out the same each time.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "vectors" / "staging"
Vector = tuple[str, dict[str, Any]]
KEK_ID = 2025001
UPLOAD = "01900000-0000-7000-8000-000000000001"
OTHER = "01900000-0000-7000-8000-000000000002"


def fixed(name: str) -> bytes:
    """32 bytes that everybody can make: SHA-256 of the name."""
    return hashlib.sha256(name.encode()).digest()


def sealed(document: dict[str, Any], aad: bytes) -> bytes:
    key = hmac.digest(fixed("year"), b"skold/staging/v1\0\x01", "sha256")
    nonce = fixed("nonce" + aad.hex())[:12]
    plain = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    return b"SKU1" + KEK_ID.to_bytes(4, "big") + nonce + AESGCM(key).encrypt(nonce, plain, aad)


INFO: dict[str, Any] = {
    "format": "skold-upload-1",
    "actor": "registrar",
    "metadata": '{"collection":"photos","key":"a/1.jpg","created_by":"registrar"}',
    "length": 300_000,
    "commit_auto": True,
    "created_at_ns": 1_750_000_000_000_000_000,
    "expires_at_ns": 1_750_086_400_000_000_000,
    "header_len": 1024,
    "file_id": bytes(range(16)).hex(),
    "dek": base64.b64encode(fixed("dek")).decode(),
    "upload_key": base64.b64encode(fixed("upload")).decode(),
    "parts": [
        {"size": 131_016, "ended": False, "plain_sha256": None, "body_sha256": None},
        {
            "size": 5,
            "ended": True,
            "plain_sha256": fixed("plain").hex(),
            "body_sha256": fixed("body").hex(),
        },
    ],
}
RECEIPT: dict[str, Any] = {
    "format": "skold-receipt-1",
    "version": "2025.3",
    "etag": f'"2025.3-{fixed("plain").hex()[:16]}"',
    "sha256": fixed("plain").hex(),
    "size": 300_000,
    "created": True,
    "committed_at_ns": 1_750_000_001_000_000_000,
    "expires_at_ns": 1_750_086_400_000_000_000,
}


def all_vectors() -> Iterator[Vector]:
    """(name, content) of every file."""
    upload, other = (bytes.fromhex(text.replace("-", "")) for text in (UPLOAD, OTHER))
    info = sealed(INFO, upload)
    receipt = sealed(RECEIPT, upload + b"receipt")
    flipped = bytes([*info[:-1], info[-1] ^ 1])
    yield "info-opens", _vector("an upload of two parts, the first salvaged", info, INFO)
    said = INFO | {"client_metadata": "collection cGhvdG9z", "refused": "ClamAV found Something"}
    yield "info-refused", _vector("one that a check refused", sealed(said, upload), said)
    yield "info-flipped", _vector("its last bit is flipped", flipped)
    yield "info-moved", _vector("that of another upload", sealed(INFO, other))
    yield "info-receipt", _vector("a receipt in the place of the info", receipt)
    yield "info-magic", _vector("another magic", b"SKU2" + info[4:])
    yield "info-format", _vector("another format", sealed(INFO | {"format": "x"}, upload))
    yield "receipt-opens", _vector("the receipt of version 2025.3", receipt, RECEIPT)
    yield "receipt-info", _vector("an info in the place of the receipt", info)
    wrong = sealed(RECEIPT | {"version": "3"}, upload + b"receipt")
    yield "receipt-version", _vector("a version that is none", wrong)


def _vector(about: str, raw: bytes, document: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "about": about,
        "expect": "refused" if document is None else "opens",
        "upload": UPLOAD,
        "keys": {"year": {str(KEK_ID): fixed("year").hex()}},
        "bytes": base64.b64encode(raw).decode(),
    } | ({} if document is None else {"document": document})


def written(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in all_vectors():
        (FOLDER / f"{name}.json").write_text(written(content), "utf-8")
