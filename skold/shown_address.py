"""An address as a record may keep it: without what somebody could use again.

A signature of a signed URL is good until it expires, wherever it was sent to; so are tokens that a
client puts into a query (RFC 6750 section 2.3 advises against it, and clients do it).
"""

import re
from urllib.parse import unquote_plus

HIDDEN = "[hidden]"
_SECRET = frozenset(
    {
        "sig", "signature", "token", "access_token", "id_token", "refresh_token", "code",
        "password", "secret", "client_secret", "api_key", "apikey", "key_secret",
        "authorization", "csrfmiddlewaretoken", "sessionid",
    }
)  # fmt: skip
_API_KEY = re.compile(r"(skd_[0-9A-Za-z]{12})_[0-9A-Za-z]+")
_NESTED = re.compile(rf"(?:^|[?&;])(?:{'|'.join(sorted(_SECRET))})=", re.IGNORECASE)


def shown(address: str) -> str:
    """Path and query, the values of secret parameters replaced by HIDDEN."""
    path, mark, query = address.partition("?")
    parts = [_shown_part(part) for part in query.split("&")] if mark else []
    return _API_KEY.sub(rf"\1_{HIDDEN}", path + mark + "&".join(parts))


def _shown_part(part: str) -> str:
    name, equals, value = part.partition("=")
    # A name may be percent-encoded, and an address may lie within a value (`next`).
    if equals and (
        unquote_plus(name).strip().lower() in _SECRET or _NESTED.search(unquote_plus(value))
    ):
        return f"{name}={HIDDEN}"
    return part
