"""Signed URLs (docs/http.md, vectors in docs/vectors/url-*.json), made without asking the server.

String to sign = METHOD LF raw path as sent LF parameters except `sig`, RFC 3986-encoded, sorted by
bytes, joined by `&`; HMAC-SHA256 with the client's signing key, hex.
"""

import hashlib
import hmac
from typing import Final, NamedTuple

from contentserver.client.paths import Parameters, encoded

METHODS: Final = ("GET", "HEAD", "PUT", "DELETE", "PATCH")


class UrlKey(NamedTuple):
    """A URL-signing key: its id and its secret."""

    kid: str
    secret: bytes

    def __repr__(self) -> str:
        return f"UrlKey({self.kid!r}, …)"


def canonical(parameters: Parameters) -> str:
    """The parameters as they stand in the string to sign."""
    pairs = (f"{encoded(name)}={encoded(value)}" for name, value in parameters if name != "sig")
    return "&".join(sorted(pairs))


def signature_of(secret: bytes, method: str, raw_path: str, parameters: Parameters) -> str:
    """Lower-case hex. `raw_path` is percent-encoded as it will be sent."""
    text = f"{method}\n{raw_path}\n{canonical(parameters)}"
    return hmac.new(secret, text.encode("ascii"), hashlib.sha256).hexdigest()


def sign(
    key: UrlKey,
    method: str,
    raw_path: str,
    *,
    expires: int,
    subject: str | None = None,
    disposition: str | None = None,
    parameters: Parameters = (),
) -> str:
    """Path and query of a signed URL; `expires` is seconds since the epoch. Raises ValueError
    naming the argument that no server accepts.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}")
    if disposition not in {None, "inline", "attachment"}:
        raise ValueError("disposition must be inline or attachment")
    given = [("expires", str(expires)), ("kid", key.kid), *parameters]
    given += [("sub", subject)] if subject is not None else []
    given += [("disposition", disposition)] if disposition is not None else []
    signature = signature_of(key.secret, method, raw_path, given)
    return f"{raw_path}?{canonical(given)}&sig={signature}"
