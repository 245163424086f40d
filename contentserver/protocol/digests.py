"""Repr-Digest and Content-Digest (RFC 9530): dictionaries of byte sequences (RFC 9651)."""

import base64
import binascii
import re

_KEY = r"[a-z*][a-z0-9_.*-]*"
_STRING = r'"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"'
_BARE = rf"(?::[A-Za-z0-9+/=]*:|{_STRING}|\?[01]|[A-Za-z*0-9@%-][^\s\",;:]*)"
_PARAMETERS = rf"(?:; *{_KEY}(?:={_BARE})?)*"
_MEMBER = re.compile(rf"({_KEY})=:([A-Za-z0-9+/=]*):{_PARAMETERS}")
_SEPARATOR = re.compile(r"[ \t]*,[ \t]*")


class BadDigest(ValueError):
    """A digest field that cannot be read. Answer 400: to ignore it would drop the check."""


def format_sha256(digest: bytes) -> str:
    """Return the value of Repr-Digest or Content-Digest for a SHA-256 (32 bytes)."""
    return f"sha-256=:{base64.b64encode(digest).decode('ascii')}:"


def parse_digests(value: str) -> dict[str, bytes]:
    """Read algorithm -> digest; the last of equal keys counts (RFC 9651). Raises BadDigest."""
    digests: dict[str, bytes] = {}
    text = value.strip(" ")
    position = 0
    while True:
        member = _MEMBER.match(text, position)
        if member is None:
            raise BadDigest("expected a list of algorithm=:base64:, for example sha-256=:…:")
        digests[member[1]] = _decode(member[1], member[2])
        if member.end() == len(text):
            return digests
        separator = _SEPARATOR.match(text, member.end())
        if separator is None:
            raise BadDigest(f"unexpected characters after the digest {member[1]}")
        position = separator.end()


def parse_sha256(value: str | None) -> bytes | None:
    """Return the SHA-256 of a digest field; None if it is absent or names other algorithms only.

    RFC 9530, 2 and 3: a recipient may ignore algorithms that it does not know. Raises BadDigest.
    """
    if value is None:
        return None
    digest = parse_digests(value).get("sha-256")
    if digest is not None and len(digest) != 32:
        raise BadDigest(f"sha-256 has 32 bytes, not {len(digest)}")
    return digest


def _decode(algorithm: str, text: str) -> bytes:
    # RFC 9651, 4.2.7: "parsers SHOULD NOT fail … when "=" padding is not present".
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        raise BadDigest(f"the digest {algorithm} is not base64") from None
