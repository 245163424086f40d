"""Signed URLs (docs/http.md): who may, what, until when, in the address itself.

String to sign = METHOD LF raw path as sent LF parameters except `sig`, RFC 3986-encoded,
byte-sorted, joined by `&`; HMAC-SHA256 with the client's signing key, hex. docs/vectors/url-*.json
hold examples and failures.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, unquote_to_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DISPOSITIONS = frozenset(("inline", "attachment"))
# Those whose whole wish stands in the signed line.
METHODS = frozenset(("GET", "HEAD", "PUT", "PATCH", "DELETE"))
HEAD_BY = ("GET", "PATCH")  # a signature for one of these is good for HEAD of the same path
MAX_SUBJECT = 256  # bytes
MAX_KID = 64  # characters of an id that a record repeats
_WRAP = b"skold/url/v1\0"
_PARAMETERS = frozenset((b"expires", b"kid", b"sub", b"disposition", b"sig"))


class MalformedUrl(ValueError):
    """The parameters of a signed URL are not what HTTP.md allows; the text names which."""


class UrlKeyUnusable(Exception):
    """A signing key of the policy cannot be unwrapped here: 503 and an alarm, never a refusal."""


@dataclass(frozen=True, slots=True)
class SignedParameters:
    """What a signed URL says; nothing is verified yet. `expires` is epoch seconds."""

    kid: str
    expires: int
    subject: str | None
    disposition: str | None
    signature: str
    signed: bytes  # the parameters as they stand in the string to sign


def new_url_secret() -> bytes:
    """A signing key: 32 random bytes."""
    return os.urandom(32)


def wrap_url_key(wrapping_key: bytes, kid: str, secret: bytes) -> str:
    """How the policy carries a signing key: base64 of nonce, ciphertext and tag."""
    nonce = os.urandom(12)
    sealed = AESGCM(wrapping_key).encrypt(nonce, secret, _WRAP + kid.encode())
    return base64.b64encode(nonce + sealed).decode()


def unwrap_url_key(wrapping_key: bytes, kid: str, wrapped: bytes) -> bytes:
    """Raises UrlKeyUnusable naming the key."""
    try:
        return AESGCM(wrapping_key).decrypt(wrapped[:12], wrapped[12:], _WRAP + kid.encode())
    except (InvalidTag, ValueError):
        raise UrlKeyUnusable(f"URL key {kid!r} does not open under its wrapping key") from None


def decode_wrapped(text: str) -> bytes:
    """Raises ValueError unless it is base64 of nonce and ciphertext."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None
    if len(raw) < 12 + 16:
        raise ValueError("too short to be a wrapped key")
    return raw


def is_signed(query: bytes) -> bool:
    """Whether a query carries, or tries to carry, the credential of a signed URL."""
    return b"sig" in query and any(name == b"sig" for name, _ in _pairs(query))


def parse(query: bytes) -> SignedParameters:
    """Raises MalformedUrl. Other parameters (version, as_of) may stand beside ours and are signed
    too.
    """
    pairs = list(_pairs(query))
    ours: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name in _PARAMETERS and name in ours:
            raise MalformedUrl(f"parameter {name.decode()} stands there twice")
        ours[name] = value
    disposition = _text(ours, b"disposition") if b"disposition" in ours else None
    if disposition is not None and disposition not in DISPOSITIONS:
        raise MalformedUrl("disposition must be inline or attachment")
    return SignedParameters(
        kid=_text(ours, b"kid"),
        expires=_expires(ours),
        subject=_subject(ours),
        disposition=disposition,
        signature=_text(ours, b"sig"),
        signed=_joined(pairs),
    )


def string_to_sign(method: str, raw_path: bytes, signed: bytes) -> bytes:
    """`signed` is the canonical form of the parameters, as in SignedParameters."""
    return b"\n".join((method.encode(), raw_path, signed))


def signature_of(secret: bytes, method: str, raw_path: bytes, signed: bytes) -> str:
    """Lower-case hex."""
    return hmac.new(secret, string_to_sign(method, raw_path, signed), hashlib.sha256).hexdigest()


def matches(secret: bytes, method: str, raw_path: bytes, given: SignedParameters) -> bool:
    """Whether the signature is that of this request; a signature for GET is good for HEAD, and so
    is one for PATCH, or whoever may go on with an upload could not ask how far it is. Takes the
    same time whatever differs.
    """
    sent = given.signature.encode()
    good = hmac.compare_digest(signature_of(secret, method, raw_path, given.signed).encode(), sent)
    for other in HEAD_BY if method == "HEAD" else ():
        as_other = signature_of(secret, other, raw_path, given.signed).encode()
        good |= hmac.compare_digest(as_other, sent)
    return good


def sign_url(
    secret: bytes,
    kid: str,
    method: str,
    raw_path: str,
    *,
    expires: int,
    subject: str | None = None,
    disposition: str | None = None,
    parameters: Iterable[tuple[str, str]] = (),
) -> str:
    """Path and query of a signed URL. `raw_path` is the path as it will be sent, already
    percent-encoded; `expires` is epoch seconds; `subject` names the end user. Raises MalformedUrl.
    """
    if method not in METHODS:
        raise MalformedUrl(f"method must be one of {', '.join(sorted(METHODS))}")
    given = [("expires", str(expires)), ("kid", kid), *parameters]
    given += [("sub", subject)] if subject is not None else []
    given += [("disposition", disposition)] if disposition is not None else []
    signed = _joined([(name.encode(), value.encode()) for name, value in given])
    signature = signature_of(secret, method, raw_path.encode("ascii"), signed)
    query = f"{signed.decode('ascii')}&sig={signature}"
    parse(query.encode())  # what we hand out must be what we accept
    return f"{raw_path}?{query}"


def _pairs(query: bytes) -> Iterable[tuple[bytes, bytes]]:
    for part in query.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            yield unquote_to_bytes(name), unquote_to_bytes(value)


def _joined(pairs: list[tuple[bytes, bytes]]) -> bytes:
    encoded = [
        f"{quote_from_bytes(name, safe='')}={quote_from_bytes(value, safe='')}".encode()
        for name, value in pairs
        if name != b"sig"
    ]
    return b"&".join(sorted(encoded))


def _text(ours: dict[bytes, bytes], name: bytes) -> str:
    try:
        text = ours[name].decode("utf-8")
    except KeyError:
        raise MalformedUrl(f"parameter {name.decode()} is missing") from None
    except UnicodeDecodeError:
        raise MalformedUrl(f"parameter {name.decode()} is not UTF-8") from None
    return text


def _expires(ours: dict[bytes, bytes]) -> int:
    text = _text(ours, b"expires")
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise MalformedUrl("expires must be seconds since the epoch")
    return int(text)


def _subject(ours: dict[bytes, bytes]) -> str | None:
    if b"sub" not in ours:
        return None
    subject = _text(ours, b"sub")
    if not is_name(subject):
        raise MalformedUrl(f"sub must be 1 to {MAX_SUBJECT} bytes without control characters")
    return subject


def is_name(text: str) -> bool:
    """Whether a text can name an end user: 1 to 256 bytes of UTF-8, no control characters."""
    return text.isprintable() and 0 < len(text.encode("utf-8", "replace")) <= MAX_SUBJECT
