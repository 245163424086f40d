"""Principals by signed URL: the client is who signed, the end user whom it named.

Address ranges are those of the client's own machines; a signed URL is made to be used from
elsewhere.
"""

from collections.abc import Mapping

from skold import urls
from skold.policy import Policy, UrlKeyRule
from skold.principals import EndUserKnown, Principal, Reject, RequestFacts

NANOSECONDS = 1_000_000_000
_NO_SECRET = bytes(32)  # signed with when the key id is unknown


class UrlIdentity:
    """For one policy: signing keys are unwrapped once each."""

    def __init__(self, policy: Policy, wrapping_keys: Mapping[int, bytes]) -> None:
        self._policy = policy
        self._wrapping_keys = wrapping_keys
        self._secrets: dict[str, bytes] = {}

    def identify(self, facts: RequestFacts, now_ns: int) -> Principal | Reject:
        """Raises UrlKeyUnusable: the keyset lacks what the policy needs."""
        if facts.method not in urls.METHODS:
            return Reject("signed_url_method")
        try:
            given = urls.parse(facts.query)
        except urls.MalformedUrl:
            return Reject("malformed_signed_url")
        rule = self._policy.url_keys.get(given.kid)
        secret = _NO_SECRET if rule is None else self._secret(rule)
        right = urls.matches(secret, facts.method, facts.raw_path, given)
        if rule is None:
            return Reject("unknown_url_key", claimed=given.kid[: urls.MAX_KID])
        reason = self._refuse(rule, given, now_ns) if right else "wrong_signature"
        if reason is None and facts.on_behalf_of is not None:
            reason = "on_behalf_of_beside_signed_url"  # whoever holds the URL could write it
        if reason is not None:
            return Reject(reason, rule.id, rule.client)
        return _principal(rule, given)

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

    def _refuse(self, rule: UrlKeyRule, given: urls.SignedParameters, now_ns: int) -> str | None:
        if given.expires * NANOSECONDS <= now_ns:
            return "url_expired"
        if rule.expires is not None and rule.expires * NANOSECONDS <= now_ns:
            return "url_key_expired"
        return None if self._policy.clients[rule.client].enabled else "client_disabled"


def _principal(rule: UrlKeyRule, given: urls.SignedParameters) -> Principal:
    known: EndUserKnown | None = None if given.subject is None else "signed_url"
    return Principal(
        client=rule.client,
        credential=rule.id,
        credential_kind="signed_url",
        end_user=given.subject,
        end_user_known=known,
        expires=given.expires,
        disposition=given.disposition,
    )
