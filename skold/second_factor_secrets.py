"""Secrets of second factors: how they are made, kept and compared. No models, no requests.

What lies in the database opens nothing without the server's own key (SECRET_KEY): secrets of
authenticator apps are encrypted, backup codes kept as keyed hashes.
"""

import base64
import datetime as dt
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from urllib.parse import quote, urlencode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes
from django_otp.oath import hotp

STEP = 30  # seconds, RFC 6238
DIGITS = 6
DRIFT = 1  # steps a clock may be off
SECRET_BYTES = 20  # RFC 4226 4, R6
CODES = 10
CODE_LENGTH = 16  # letters of base32: 80 bits, nothing to guess even with the hashes
_AAD = b"skold/second-factor/v1"


class SecretUnreadable(Exception):
    """A secret was sealed under a key that this server no longer has."""


def new_secret() -> bytes:
    return os.urandom(SECRET_BYTES)


def new_codes() -> list[str]:
    """Backup codes as they are shown: four groups of four."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    codes = ["".join(secrets.choice(alphabet) for _ in range(CODE_LENGTH)) for _ in range(CODES)]
    return ["-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4)) for code in codes]


def hash_code(code: str) -> str:
    """Under today's key."""
    return _hash(code, next(_keys()))


def without(known: list[str], code: str) -> list[str] | None:
    """The hashes left when this code is used up; None if it is none of them."""
    for key in _keys():
        wanted = _hash(code, key)
        found = [each for each in known if hmac.compare_digest(each, wanted)]
        if found:
            return [each for each in known if each not in found]
    return None


def seal(secret: bytes) -> str:
    """base64(nonce ‖ AES-256-GCM), under a key derived from SECRET_KEY."""
    nonce = os.urandom(12)
    return base64.b64encode(nonce + AESGCM(next(_keys())).encrypt(nonce, secret, _AAD)).decode()


def unseal(sealed: str) -> bytes:
    """Raises SecretUnreadable: SECRET_KEY was replaced and not kept in SECRET_KEY_FALLBACKS."""
    raw = base64.b64decode(sealed)
    for key in _keys():
        try:
            return AESGCM(key).decrypt(raw[:12], raw[12:], _AAD)
        except InvalidTag:
            continue
    raise SecretUnreadable("reset this second factor: SECRET_KEY has changed since it was made")


def find_step(secret: bytes, code: str, now: dt.datetime) -> int | None:
    """The half minute (since the epoch) that this code belongs to, if it is near `now`."""
    code = "".join(code.split())
    if not (len(code) == DIGITS and code.isascii() and code.isdigit()):
        return None
    current = int(now.timestamp()) // STEP
    for step in range(current - DRIFT, current + DRIFT + 1):
        if hmac.compare_digest(code_at(secret, step), code):
            return step
    return None


def code_at(secret: bytes, step: int) -> str:
    """RFC 6238 4.2: RFC 4226 with the time step as counter."""
    return f"{hotp(secret, step, DIGITS):0{DIGITS}d}"


def typed(secret: bytes) -> str:
    """The secret as somebody types it into an app: groups of four letters."""
    text = base64.b32encode(secret).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def address(secret: bytes, issuer: str, account: str) -> str:
    """What the QR code says (the key URI format that authenticator apps read)."""
    label = quote(f"{issuer.replace(':', '')}:{account}")
    parameters = {"secret": base64.b32encode(secret).decode(), "issuer": issuer.replace(":", "")}
    return f"otpauth://totp/{label}?{urlencode(parameters, quote_via=quote)}"


def keyed(text: str) -> str:
    """A hash that tells nobody what was typed."""
    return hmac.new(next(_keys()), b"login\0" + text.encode(), hashlib.sha256).hexdigest()


def _hash(code: str, key: bytes) -> str:
    plain = "".join(code.upper().split()).replace("-", "")
    return hmac.new(key, b"code\0" + plain.encode(), hashlib.sha256).hexdigest()


def _keys() -> Iterator[bytes]:
    """Today's key, then those of SECRET_KEY_FALLBACKS."""
    for known in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield HKDF(hashes.SHA256(), 32, salt=None, info=_AAD).derive(force_bytes(known))
