"""Principals by a token that an OpenID Connect provider signed (RFC 7519, RFC 8725, RFC 9068).

The provider's keys travel in the policy: no request waits for the network. Algorithms are fixed for
each provider; the token's own header chooses among them and nothing else. A verified token is
remembered by its SHA-256 until it expires; whoever it names is judged anew at each request.
"""

import hashlib
from typing import NamedTuple

from jwt import PyJWK

from skold import decoy_keys, token_claims, urls
from skold.json_web_keys import prepare_all
from skold.policy import Policy
from skold.policy_identities import TokenClientRule, TokenProviderRule
from skold.principals import EndUserKnown, Principal, Reject, RequestFacts
from skold.token_claims import Claims, Parsed, TokenRefused

MAX_TOKEN = 8_192  # characters; looked at before anything is parsed
MAX_CACHED = 10_000  # tokens remembered
LEEWAY = 30  # seconds that a provider's clock may differ from ours
NANOSECONDS = 1_000_000_000


class _Verified(NamedTuple):
    who: TokenClientRule
    end_user: str | None
    expires: float  # epoch seconds


class _Provider(NamedTuple):
    rule: TokenProviderRule
    keys: dict[tuple[str, str], PyJWK]


class BearerIdentity:
    """For one policy: its keys are prepared at a provider's first token, and what was verified is
    forgotten with it.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._providers: dict[str, _Provider] = {}
        self._verified: dict[bytes, _Verified] = {}

    def identify(self, token: str, facts: RequestFacts, now_ns: int) -> Principal | Reject:
        """Whom the token speaks for. Every refusal has verified one signature, so that none is told
        from another by its time.
        """
        now = now_ns / NANOSECONDS
        if len(token) > MAX_TOKEN or not token.isascii():
            return Reject("malformed_token")
        digest = hashlib.sha256(token.encode()).digest()
        found = self._verified.get(digest)
        if found is not None and found.expires + LEEWAY <= now:
            del self._verified[digest]
            found = None
        if found is None:
            try:
                found = self._verify(token, now)
            except TokenRefused as refused:
                return Reject(refused.reason, refused.credential, claimed=refused.claimed)
            self._remember(digest, found)
        return self._judge(found, facts)

    def _verify(self, token: str, now: float) -> _Verified:
        try:
            parsed = token_claims.parse(token)
        except TokenRefused:
            decoy_keys.verify_in_vain(token, None)
            raise
        provider = self._provider(parsed)
        key = None if provider is None else provider.keys.get((parsed.kid, parsed.algorithm))
        if provider is None or key is None:
            decoy_keys.verify_in_vain(token, parsed.algorithm)
            raise _no_key(provider, parsed)
        credential = f"token:{provider.rule.id}"
        if not token_claims.is_signed(token, key, parsed.algorithm):
            raise TokenRefused("wrong_signature", credential)
        claims = token_claims.check(parsed, provider.rule, now, LEEWAY)
        who = self._policy.token_clients.get((provider.rule.id, claims.client))
        if who is None:
            raise TokenRefused("unknown_token_client", credential, claims.client[:64])
        return _Verified(who, _person(claims), claims.expires)

    def _provider(self, parsed: Parsed) -> _Provider | None:
        rule = self._policy.token_providers.get(parsed.issuer)
        if rule is None:
            return None
        found = self._providers.get(rule.issuer)
        if found is None:
            found = _Provider(rule, prepare_all(rule.keys, rule.algorithms))
            self._providers[rule.issuer] = found
        return found

    def _remember(self, digest: bytes, found: _Verified) -> None:
        if len(self._verified) >= MAX_CACHED:
            del self._verified[next(iter(self._verified))]  # the oldest
        self._verified[digest] = found

    def _judge(self, found: _Verified, facts: RequestFacts) -> Principal | Reject:
        """What does not depend on the token alone, asked at each request."""
        who, named = found.who, facts.on_behalf_of
        reason = self._refuse(who, facts)
        if reason is None and named is not None:
            reason = _refuse_named(found, named)
        if reason is not None:
            return Reject(reason, who.credential, who.client)
        if found.end_user is not None:
            return Principal(who.client, who.credential, "token", found.end_user, "token")
        known: EndUserKnown | None = None if named is None else "asserted"
        return Principal(who.client, who.credential, "token", named, known)

    def _refuse(self, who: TokenClientRule, facts: RequestFacts) -> str | None:
        client = self._policy.clients[who.client]
        if not client.enabled:
            return "client_disabled"
        return None if client.admits(facts.address) else "address_outside"


def _refuse_named(found: _Verified, named: str) -> str | None:
    if not urls.is_name(named):
        return "malformed_on_behalf_of"
    if found.end_user is not None and named != found.end_user:
        return "on_behalf_of_differs_from_token"
    return None


def _person(claims: Claims) -> str | None:
    """A token that a client got for itself names the client once more, and no person
    (RFC 9068 2.2).
    """
    return None if claims.end_user == claims.client else claims.end_user


def _no_key(provider: _Provider | None, parsed: Parsed) -> TokenRefused:
    if provider is None:
        return TokenRefused("unknown_token_issuer", claimed=parsed.issuer[:256])
    credential = f"token:{provider.rule.id}"
    if parsed.algorithm not in provider.rule.algorithms:
        return TokenRefused("token_algorithm", credential)
    return TokenRefused("unknown_token_key", credential, parsed.kid[:64])
