"""The one place that turns a request into a principal, and a principal's wish into a decision.

No rule is a refusal. Reasons are for the audit only: the answer must not tell absent from
forbidden, nor an unknown key from a wrong secret.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from skold import credentials, urls
from skold.policy import KeyRule, Policy, UrlKeyRule

EndUserKnown = Literal["asserted", "signed_url", "token"]
CredentialKind = Literal["api_key", "signed_url"]
NANOSECONDS = 1_000_000_000


@dataclass(slots=True)
class RequestFacts:
    """What the gate may know of a request.

    `authorization` holds every Authorization field, joined by ", " (RFC 9110 5.3); `raw_path` is
    the path as sent, still percent-encoded; `address` is the peer's.
    """

    method: str
    raw_path: bytes
    query: bytes
    authorization: str | None
    on_behalf_of: str | None
    address: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody the policy knows. `expires` (epoch seconds) and `disposition` come with signed URLs."""

    client: str
    credential: str
    credential_kind: CredentialKind
    end_user: str | None = None
    end_user_known: EndUserKnown | None = None
    expires: int | None = None
    disposition: str | None = None


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody: the request carried no credential at all."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A credential that does not hold.

    `credential` names a key id the policy knows (and `client` its owner); `claimed` an id it does
    not.
    """

    reason: str
    credential: str | None = None
    client: str | None = None
    claimed: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`rule` names what decided ("grant:12"), for the audit; None when nothing matched."""

    allowed: bool
    reason: str
    rule: str | None = None


ANONYMOUS = Anonymous()
_NOBODY = KeyRule("", "", bytes(32), None)  # compared with when the key id is unknown
_NO_URL_SECRET = bytes(32)
_NO_CREDENTIAL = Decision(False, "no_credential")
_NO_GRANT = Decision(False, "no_grant")
_NO_COLLECTION = Decision(False, "unknown_collection")
_DISABLED = Decision(False, "client_disabled")


class Gate:
    """Identify and decide; no input or output, no waiting, so it may run on the event loop."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        url_keys: Mapping[int, bytes],
        clock: Callable[[], int],
    ) -> None:
        """`url_keys` are the keyset's wrapping keys by number; `clock` gives ns since the epoch,
        UTC.
        """
        self._policy = policy
        self._wrapping_keys = url_keys
        self._clock = clock
        self._known_for: Policy | None = None
        self._principals: dict[str, Principal] = {}
        self._secrets: dict[str, bytes] = {}
        self._granted: dict[str, Decision] = {}

    def identify(self, facts: RequestFacts) -> Principal | Anonymous | Reject:
        """Exactly one of the three. Raises UrlKeyUnusable (503) and what `policy()` raises (503)."""
        policy = self._policy()
        if policy is not self._known_for:
            self._forget(policy)
        signed = b"sig" in facts.query and urls.is_signed(facts.query)
        if facts.authorization is None:
            return self._by_url(policy, facts) if signed else ANONYMOUS
        if signed:
            return Reject("two_credentials")
        return self._by_key(policy, facts, facts.authorization)

    def decide(
        self,
        principal: Principal | Anonymous,
        action: str,
        collection: str | None,
        key: str | None,
    ) -> Decision:
        """Whether it may. `key` None asks for the whole collection, `collection` None for the
        institution: only a grant without a prefix, or for every collection, answers these. Raises
        what `policy()` raises.
        """
        if isinstance(principal, Anonymous):
            return _NO_CREDENTIAL
        policy = self._policy()
        client = policy.clients.get(principal.client)
        if client is None or not client.enabled:
            return _DISABLED
        rule = self._find_grant(policy, principal.client, action, collection, key)
        if rule is None:
            known = collection is None or collection in policy.collections
            return _NO_GRANT if known else _NO_COLLECTION
        if principal.credential_kind == "signed_url":
            refusal = self._refuse_url(policy, principal, collection, key)
            if refusal is not None:
                return Decision(False, refusal, rule)
        wanted = (
            client.may_act_for,
            policy.collections[collection].on_behalf_of if collection else None,
        )
        if wanted != ("optional", "optional"):
            refusal = _refuse_end_user(principal, wanted)
            if refusal is not None:
                return Decision(False, refusal, rule)
        granted = self._granted.get(rule)
        if granted is None:
            granted = self._granted[rule] = Decision(True, "granted", rule)
        return granted

    # -- API keys --------------------------------------------------------------------------------

    def _by_key(self, policy: Policy, facts: RequestFacts, given: str) -> Principal | Reject:
        if given[:7] != "Bearer " and given[:7].lower() != "bearer ":
            return Reject("unknown_scheme")
        text = given[7:]
        try:
            key_id = credentials.parse_api_key(text)
        except credentials.MalformedKey:
            return Reject("malformed_key")
        rule = policy.keys.get(key_id, _NOBODY)
        if not credentials.check(text, rule.sha256) or rule is _NOBODY:
            if rule is _NOBODY:
                return Reject("unknown_key", claimed=key_id)
            return Reject("wrong_secret", rule.id, rule.client)
        reason = self._refuse_key(policy, rule, facts.address)
        if reason is not None:
            return Reject(reason, rule.id, rule.client)
        if facts.on_behalf_of is None:
            return self._principals.get(key_id) or self._remember(rule)
        if not urls.is_name(facts.on_behalf_of):
            return Reject("malformed_on_behalf_of", rule.id, rule.client)
        return Principal(rule.client, rule.id, "api_key", facts.on_behalf_of, "asserted")

    def _refuse_key(self, policy: Policy, rule: KeyRule, address: str) -> str | None:
        client = policy.clients[rule.client]
        if rule.expires is not None and rule.expires * NANOSECONDS <= self._clock():
            return "key_expired"
        if not client.enabled:
            return "client_disabled"
        return None if client.admits(address) else "address_outside"

    def _remember(self, rule: KeyRule) -> Principal:
        principal = Principal(rule.client, rule.id, "api_key")
        self._principals[rule.id] = principal
        return principal

    # -- signed URLs -----------------------------------------------------------------------------

    def _by_url(self, policy: Policy, facts: RequestFacts) -> Principal | Reject:
        if facts.method not in urls.METHODS:
            return Reject("signed_url_method")
        try:
            given = urls.parse(facts.query)
        except urls.MalformedUrl:
            return Reject("malformed_signed_url")
        rule = policy.url_keys.get(given.kid)
        secret = _NO_URL_SECRET if rule is None else self._secret(rule)
        matches = urls.matches(secret, facts.method, facts.raw_path, given)
        if rule is None:
            return Reject("unknown_url_key", claimed=given.kid[:64])
        reason = "wrong_signature" if not matches else self._refuse_times(policy, rule, given)
        if reason is None and facts.on_behalf_of is not None:
            reason = "on_behalf_of_beside_signed_url"  # anybody who holds the URL could write it
        if reason is not None:
            return Reject(reason, rule.id, rule.client)
        known: EndUserKnown | None = None if given.subject is None else "signed_url"
        return Principal(
            rule.client,
            rule.id,
            "signed_url",
            given.subject,
            known,
            given.expires,
            given.disposition,
        )

    def _secret(self, rule: UrlKeyRule) -> bytes:
        secret = self._secrets.get(rule.id)
        if secret is None:
            wrapping = self._wrapping_keys.get(rule.wrapping)
            if wrapping is None:
                raise urls.UrlKeyUnusable(
                    f"the keyset has no URL key {rule.wrapping}, under which {rule.id!r} is wrapped"
                )
            secret = self._secrets[rule.id] = urls.unwrap_url_key(wrapping, rule.id, rule.wrapped)
        return secret

    def _refuse_times(
        self, policy: Policy, rule: UrlKeyRule, given: urls.SignedParameters
    ) -> str | None:
        now = self._clock()
        if given.expires * NANOSECONDS <= now:
            return "url_expired"
        if rule.expires is not None and rule.expires * NANOSECONDS <= now:
            return "url_key_expired"
        return None if policy.clients[rule.client].enabled else "client_disabled"

    def _refuse_url(
        self, policy: Policy, principal: Principal, collection: str | None, key: str | None
    ) -> str | None:
        """The signer must still be allowed to sign for this key, and may not have signed for too
        long.
        """
        if collection is None:
            return "signed_url_without_collection"
        if self._find_grant(policy, principal.client, "sign", collection, key) is None:
            return "no_grant_to_sign"
        latest = self._clock() + policy.collections[collection].url_lifetime * NANOSECONDS
        if principal.expires is None or principal.expires * NANOSECONDS > latest:
            return "url_lifetime_too_long"
        return None

    # -- grants ----------------------------------------------------------------------------------

    def _find_grant(
        self, policy: Policy, client: str, action: str, collection: str | None, key: str | None
    ) -> str | None:
        if collection is not None and collection not in policy.collections:
            return None
        for prefix, rule in policy.grants_for(client, collection, action):
            if not prefix or (key is not None and key.startswith(prefix)):
                return rule
        return None

    def _forget(self, policy: Policy) -> None:
        self._principals, self._secrets, self._granted = {}, {}, {}
        self._known_for = policy


def _refuse_end_user(principal: Principal, wanted: tuple[str | None, ...]) -> str | None:
    known = principal.end_user_known
    if known is None:
        needed = "required" in wanted or "proof" in wanted
        return "end_user_required" if needed else None
    if "forbidden" in wanted:
        return "end_user_forbidden"
    return "end_user_unproven" if "proof" in wanted and known == "asserted" else None
