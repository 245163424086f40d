"""Signed, numbered JSON documents: the policy, the layout, and what follows them.

A file is one JSON object: `format kind number issued_at key_id payload signature`. The Ed25519
signature (base64) is over "skold/signed/v1\\0" and the RFC 8785 form of the object without it; that
form is made again from what was parsed, so what is verified is exactly what is used.
"""

import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from skold.disk import replace_durably

FORMAT = "skold-signed-1"
_CONTEXT = b"skold/signed/v1\0"
_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_NAMES = {"format", "kind", "number", "issued_at", "key_id", "payload", "signature"}


class SignatureInvalid(Exception):
    """The document is not what one of the known keys signed; the text says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that verified. `issued_at` is epoch seconds, UTC."""

    number: int
    issued_at: int
    payload: dict[str, Any]


def sign(
    kind: str,
    number: int,
    payload: dict[str, Any],
    key_id: str,
    key: Ed25519PrivateKey,
    *,
    issued_at: int | None = None,
) -> bytes:
    """The bytes of a file that `verify` accepts; `issued_at` defaults to now.

    Raises TypeError for a payload with floats, or with anything else JSON does not name exactly.
    """
    _refuse_floats(payload, "payload")
    issued_at = int(time.time()) if issued_at is None else issued_at
    fields = {"format": FORMAT, "kind": kind, "number": number, "issued_at": issued_at}
    fields |= {"key_id": key_id, "payload": payload}
    signature = key.sign(_CONTEXT + orjson.dumps(fields, option=_CANONICAL))
    fields["signature"] = base64.b64encode(signature).decode()
    return orjson.dumps(fields, option=_CANONICAL | orjson.OPT_INDENT_2) + b"\n"


def verify(raw: bytes, kind: str, keys: Mapping[str, bytes]) -> Document:
    """Raises SignatureInvalid. `keys`: key id -> raw 32-byte Ed25519 public key."""
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise SignatureInvalid(f"it is not JSON: {error}") from None
    if not isinstance(fields, dict) or fields.keys() != _NAMES or fields["format"] != FORMAT:
        raise SignatureInvalid(f"it is not a document of the format {FORMAT}")
    signature = fields.pop("signature")
    _check_signature(fields, signature, keys)
    if fields["kind"] != kind:
        raise SignatureInvalid(f"it is a {fields['kind']!r}; a {kind!r} is wanted here")
    return _document(fields)


def publish(path: str | Path, raw: bytes) -> None:
    """Replace the file durably: temporary name, fsync, rename, fsync of the directory."""
    replace_durably(Path(path), raw)


def _check_signature(fields: dict[str, Any], signature: Any, keys: Mapping[str, bytes]) -> None:
    public = keys.get(fields["key_id"]) if isinstance(fields["key_id"], str) else None
    if public is None:
        raise SignatureInvalid(f"its key {fields['key_id']!r} is not one of the verify keys here")
    try:
        sealed = base64.b64decode(signature, validate=True)
        signed = _CONTEXT + orjson.dumps(fields, option=_CANONICAL)
        Ed25519PublicKey.from_public_bytes(public).verify(sealed, signed)
    except (InvalidSignature, binascii.Error, TypeError, ValueError):
        raise SignatureInvalid(f"its signature by {fields['key_id']!r} does not match") from None


def _document(fields: dict[str, Any]) -> Document:
    number, issued_at, payload = fields["number"], fields["issued_at"], fields["payload"]
    if type(number) is not int or type(issued_at) is not int or not isinstance(payload, dict):
        raise SignatureInvalid("its number, issued_at or payload is of the wrong type")
    return Document(number, issued_at, payload)


def _refuse_floats(value: Any, name: str) -> None:
    if isinstance(value, float):
        raise TypeError(f"{name} is a float; give whole numbers or texts")
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_floats(inner, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            _refuse_floats(inner, f"{name}[{place}]")
