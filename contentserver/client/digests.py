"""SHA-256 in the fields Repr-Digest and Upload-Checksum (RFC 9530, RFC 9651, tus)."""

import base64
import binascii
import re

_SHA256 = re.compile(r"(?:^|[,\s])sha-256=:([A-Za-z0-9+/=]+):")


def field_of(digest: bytes) -> str:
    """The value of Repr-Digest."""
    return f"sha-256=:{base64.b64encode(digest).decode('ascii')}:"


def hex_of(field: str | None) -> str | None:
    """The SHA-256 of a Repr-Digest in hex; None where it names none."""
    found = _SHA256.search(field or "")
    if found is None:
        return None
    try:
        digest = base64.b64decode(found[1], validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 else None
