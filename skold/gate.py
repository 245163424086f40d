"""The one place that turns a request into a principal, and a principal's wish into a decision.

No rule is a refusal. Reasons are for the audit only: the answer must not tell absent from
forbidden, nor an unknown key from a wrong secret.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from skold import address_identity, credentials, urls
from skold.bearer_identity import BearerIdentity
from skold.certificate_identity import CertificateIdentity
from skold.key_identity import KeyIdentity
from skold.policy import Policy
from skold.principals import Anonymous, Decision, Principal, Reject, RequestFacts, refusal
from skold.url_identity import UrlIdentity

__all__ = ["Anonymous", "Decision", "Gate", "Principal", "Reject", "RequestFacts"]

NANOSECONDS = 1_000_000_000
ANONYMOUS = Anonymous()
_NO_CREDENTIAL = refusal("no_credential")
_NO_GRANT = refusal("no_grant")
_NO_COLLECTION = refusal("unknown_collection")
_DISABLED = refusal("client_disabled")


class Gate:
    """Identify and decide; no input or output, no waiting, so it may run on the event loop."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        url_keys: Mapping[int, bytes],
        clock: Callable[[], int],
    ) -> None:
        """`url_keys`: the keyset's wrapping keys by number; `clock` gives ns since the epoch."""
        self._policy = policy
        self._wrapping_keys = url_keys
        self._clock = clock
        self._prepared_for: Policy | None = None

    @property
    def policy(self) -> Policy:
        """That by which the last request was identified; raises what `policy()` does before."""
        return self._prepared_for or self._policy()

    def identify(self, facts: RequestFacts) -> Principal | Anonymous | Reject:
        """Exactly one of the three. Raises UrlKeyUnusable and what `policy()` raises (both 503)."""
        policy = self._policy()
        if policy is not self._prepared_for:
            self._prepare(policy)
        signed = b"sig" in facts.query and urls.is_signed(facts.query)
        if facts.certificate is not None:
            if signed or facts.authorization is not None:
                return Reject("two_credentials")
            return self._by_certificate.identify(facts, self._clock())
        if facts.authorization is None:
            return self._by_url.identify(facts, self._clock()) if signed else ANONYMOUS
        if signed:
            return Reject("two_credentials")
        token = credentials.find_token(facts.authorization)
        if token is not None:
            return self._by_token.identify(token, facts, self._clock())
        return self._by_key.identify(
            facts.authorization, facts.on_behalf_of, facts.address, self._clock()
        )

    def identify_at(self, client: str, name: str, facts: RequestFacts) -> Principal | Reject:
        """Who sends a request without any credential to the address `name`, which the policy
        declares to be `client`'s. Raises what `policy()` raises.
        """
        return address_identity.identify(self._policy(), client, name, facts)

    def decide(  # noqa: PLR0911 - one question after the other, the first no is the answer
        self,
        principal: Principal | Anonymous,
        action: str,
        collection: str | None,
        key: str | None,
        year: int | None = None,
        *,
        year_follows: bool = False,
    ) -> Decision:
        """Whether it may. Raises what `policy()` raises.

        `key` None asks for the whole collection, `collection` None for the institution: only a
        grant without a prefix, or one for every collection, answers these. `year` is that of the
        version. Where it is known only after looking, `year_follows` promises that the caller looks
        at `years` of the decision; without it and without a year a grant of certain years is none.
        """
        if isinstance(principal, Anonymous):
            return _NO_CREDENTIAL
        policy = self._policy()
        client = policy.clients.get(principal.client)
        if client is None or not client.enabled:
            return _DISABLED
        if collection is not None and collection not in policy.collections:
            return _NO_COLLECTION
        place = policy.granted(principal.client, collection, action)
        granted = place.find(key) if place.below else place.whole
        if granted is None:
            return _NO_GRANT
        if principal.credential_kind == "signed_url":
            granted = self._judge_url(policy, principal, granted, collection, key)
            if not granted.allowed:
                return granted
        rule = policy.collections[collection].on_behalf_of if collection else "optional"
        reason = _refuse_end_user(principal, client.may_act_for, rule)
        if reason is not None:
            return refusal(reason, granted.rule)
        return granted if granted.years is None or year_follows else granted.of_year(year)

    def may_somewhere(self, principal: Principal, action: str) -> bool:
        """Whether any grant at all allows the action, so that a mistake in the asking may be named.
        Raises what `policy()` raises.
        """
        policy = self._policy()
        client = policy.clients.get(principal.client)
        if client is None or not client.enabled:
            return False
        places = (policy.granted(principal.client, name, action) for name in policy.collections)
        return any(place.whole is not None or place.below for place in places)

    def _prepare(self, policy: Policy) -> None:
        self._by_key = KeyIdentity(policy)
        self._by_token = BearerIdentity(policy)
        self._by_certificate = CertificateIdentity(policy)
        self._by_url = UrlIdentity(policy, self._wrapping_keys)
        self._prepared_for = policy

    def _judge_url(
        self,
        policy: Policy,
        principal: Principal,
        granted: Decision,
        collection: str | None,
        key: str | None,
    ) -> Decision:
        """The signer must still be allowed to sign for this key, and may not have signed for too
        long; only years for which it may do both are left.
        """
        if collection is None:
            return refusal("signed_url_without_collection", granted.rule)
        signing = policy.granted(principal.client, collection, "sign").find(key)
        if signing is None:
            return refusal("no_grant_to_sign", granted.rule)
        latest = self._clock() + policy.collections[collection].url_lifetime * NANOSECONDS
        if principal.expires is None or principal.expires * NANOSECONDS > latest:
            return refusal("url_lifetime_too_long", granted.rule)
        if signing.years is None:
            return granted
        years = signing.years if granted.years is None else granted.years.within(signing.years)
        return replace(granted, years=years)


def _refuse_end_user(principal: Principal, client: str, collection: str) -> str | None:
    """By the client's rule and the collection's; both were set to what the institution asks for."""
    if client == collection == "optional":
        return None
    wanted = (client, collection)
    known = principal.end_user_known
    if known is None:
        return "end_user_required" if "required" in wanted or "proof" in wanted else None
    if "forbidden" in wanted:
        return "end_user_forbidden"
    return "end_user_unproven" if "proof" in wanted and known == "asserted" else None
