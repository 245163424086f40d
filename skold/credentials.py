"""API keys `skd_<id>_<secret><checksum>`: made once, shown once, kept as a SHA-256.

The secret carries 256 random bits, so a plain hash is enough: there is nothing to guess that a slow
hash would protect. The checksum (CRC-32) lets secret scanners and careless copies be noticed
without asking anybody.
"""

import hashlib
import hmac
import secrets
import zlib
from typing import NamedTuple

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX = "skd_"
ID_LENGTH = 12
SECRET_LENGTH = 43  # 62**43 > 2**256
CHECKSUM_LENGTH = 6
LENGTH = len(PREFIX) + ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH

ID = slice(len(PREFIX), len(PREFIX) + ID_LENGTH)
_BAR = len(PREFIX) + ID_LENGTH


class NewApiKey(NamedTuple):
    """`plaintext` is shown to the client once; `sha256` (hex) is what is stored."""

    key_id: str
    plaintext: str
    sha256: str


class MalformedKey(ValueError):
    """The text cannot be an API key: cut, mistyped, or something else altogether."""


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode("ascii")), CHECKSUM_LENGTH)


def digest(plaintext: str) -> bytes:
    """What the policy holds of a key: SHA-256 of its whole text."""
    return hashlib.sha256(plaintext.encode()).digest()


def new_api_key() -> NewApiKey:
    """A fresh key of 256 random bits under a random id."""
    key_id = "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
    secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    text = f"{PREFIX}{key_id}_{secret}"
    text += _checksum(text)
    return NewApiKey(key_id, text, digest(text).hex())


def find_token(authorization: str) -> str | None:
    """A bearer token (RFC 6750) that is no API key: anything with a dot, which no key has. `skd_`
    decides first, so that keys take no longer for it.
    """
    if authorization[7 : 7 + len(PREFIX)] == PREFIX or authorization[:7].lower() != "bearer ":
        return None
    token = authorization[7:]
    return token if "." in token else None


def parse_api_key(text: str) -> str:
    """The key id of a well-formed key, known or not. Raises MalformedKey."""
    if (
        len(text) != LENGTH
        or not text.startswith(PREFIX)
        or text[_BAR] != "_"
        or not text.isascii()
    ):
        raise MalformedKey("an API key has the form skd_<id>_<secret><checksum>; copy it again")
    if _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        raise MalformedKey("the API key's checksum does not match; copy it again")
    return text[ID]


def check(plaintext: str, sha256: bytes) -> bool:
    """Whether this is the key whose digest is stored; takes the same time whatever differs."""
    return hmac.compare_digest(digest(plaintext), sha256)
