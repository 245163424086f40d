"""A token's parts and claims, checked one by one. Pure; nothing here looks up a key.

`parse` believes nothing: it says which provider and key the token claims. Only after `is_signed`
does `check` read the claims for good.
"""

import math
from typing import Any, NamedTuple

import orjson
from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError
from jwt.utils import base64url_decode

from skold import urls
from skold.policy_identities import TokenProviderRule

TYPES = frozenset(("jwt", "at+jwt", "application/at+jwt", "application/jwt"))
"""`typ` of access and identity tokens (RFC 7519 5.1, RFC 9068 2.1); others, as logout+jwt, are
signed by the same key for something else (RFC 8725 3.11)."""
_JWS = PyJWS()


class TokenRefused(Exception):
    """`reason` is for the audit; `credential` names a provider that the policy knows."""

    def __init__(
        self, reason: str, credential: str | None = None, claimed: str | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.credential = credential
        self.claimed = claimed


class Parsed(NamedTuple):
    """What a token says of itself, not verified."""

    kid: str
    algorithm: str
    issuer: str
    claims: dict[str, Any]


class Claims(NamedTuple):
    """What a verified token says. `expires` is epoch seconds."""

    client: str
    end_user: str | None
    expires: float


def parse(token: str) -> Parsed:
    """Raises TokenRefused."""
    header_part, _, rest = token.partition(".")
    payload_part, _, signature = rest.partition(".")
    header, claims = _object(header_part), _object(payload_part)
    if not signature or "." in signature or header is None or claims is None:
        raise TokenRefused("malformed_token")
    if "crit" in header or "b64" in header:
        raise TokenRefused("token_header_critical")  # RFC 7515 4.1.11: we understand none
    kid, algorithm, issuer = header.get("kid"), header.get("alg"), claims.get("iss")
    if not (isinstance(kid, str) and isinstance(algorithm, str) and isinstance(issuer, str)):
        raise TokenRefused("malformed_token")
    kind = header.get("typ", "jwt")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise TokenRefused("token_type")
    return Parsed(kid, algorithm, issuer, claims)


def is_signed(token: str, key: PyJWK, algorithm: str) -> bool:
    """Whether the signature is by this key under this algorithm and no other."""
    try:
        _JWS.decode_complete(token, key, [algorithm])
    except (PyJWTError, ValueError):
        return False
    return True


def check(parsed: Parsed, provider: TokenProviderRule, now: float, leeway: int) -> Claims:
    """Hold a verified token's claims against the provider's rule. Raises TokenRefused."""
    reason = _refuse(parsed.claims, provider, now, leeway)
    credential = f"token:{provider.id}"
    if reason is not None:
        raise TokenRefused(reason, credential)
    client = parsed.claims.get(provider.client_claim)
    if not isinstance(client, str) or not client:
        raise TokenRefused("token_without_client", credential)
    end_user = parsed.claims.get(provider.end_user_claim) if provider.end_user_claim else None
    if end_user is not None and not (isinstance(end_user, str) and urls.is_name(end_user)):
        raise TokenRefused("token_end_user", credential)
    return Claims(client, end_user, float(parsed.claims["exp"]))


def _refuse(
    claims: dict[str, Any], provider: TokenProviderRule, now: float, leeway: int
) -> str | None:
    if claims["iss"] != provider.issuer:
        return "token_issuer"
    if not _is_meant_for(claims.get("aud"), provider.audiences):
        return "token_audience"
    if not _is_time(claims.get("exp")):
        return "token_without_expiry"
    if claims["exp"] + leeway <= now:
        return "token_expired"
    for name in ("nbf", "iat"):
        if name in claims and not (_is_time(claims[name]) and claims[name] - leeway <= now):
            return "token_not_yet_valid"
    return None


def _is_meant_for(audience: Any, ours: frozenset[str]) -> bool:
    named = [audience] if isinstance(audience, str) else audience
    return isinstance(named, list) and any(isinstance(each, str) and each in ours for each in named)


def _is_time(value: Any) -> bool:
    """NumericDate (RFC 7519 section 2)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _object(part: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(base64url_decode(part))
    except ValueError:  # orjson's and binascii's are such
        return None
    return value if isinstance(value, dict) else None
