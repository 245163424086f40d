"""Principals by API key. Unknown key id and wrong secret take the same path and the same time."""

from skold import credentials, urls
from skold.policy import KeyRule, Policy
from skold.principals import Principal, Reject

NANOSECONDS = 1_000_000_000
_NOBODY = KeyRule("", "", bytes(32), None)  # compared with when the key id is unknown


class KeyIdentity:
    """For one policy: principals are made once for each key."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._principals: dict[str, Principal] = {}

    def identify(
        self, authorization: str, on_behalf_of: str | None, address: str, now_ns: int
    ) -> Principal | Reject:
        """`authorization` is the whole field, scheme included."""
        if authorization[:7] != "Bearer " and authorization[:7].lower() != "bearer ":
            return Reject("unknown_scheme")
        text = authorization[7:]
        rule = self._policy.keys.get(text[credentials.ID], _NOBODY)
        right = credentials.check(text, rule.sha256)
        if not right:
            return _reject_wrong(text, rule)
        reason = self._refuse(rule, address, now_ns)
        if reason is None and on_behalf_of is not None and not urls.is_name(on_behalf_of):
            reason = "malformed_on_behalf_of"
        if reason is not None:
            return Reject(reason, rule.id, rule.client)
        if on_behalf_of is not None:
            return Principal(rule.client, rule.id, "api_key", on_behalf_of, "asserted")
        return self._principals.get(rule.id) or self._remember(rule)

    def _refuse(self, rule: KeyRule, address: str, now_ns: int) -> str | None:
        client = self._policy.clients[rule.client]
        if rule.expires is not None and rule.expires * NANOSECONDS <= now_ns:
            return "key_expired"
        if not client.enabled:
            return "client_disabled"
        return None if client.admits(address) else "address_outside"

    def _remember(self, rule: KeyRule) -> Principal:
        principal = Principal(rule.client, rule.id, "api_key")
        self._principals[rule.id] = principal
        return principal


def _reject_wrong(text: str, rule: KeyRule) -> Reject:
    """Why the digest is not the stored one; looked into only here, off the way of good keys."""
    try:
        key_id = credentials.parse_api_key(text)
    except credentials.MalformedKey:
        return Reject("malformed_key")
    if rule is _NOBODY:
        return Reject("unknown_key", claimed=key_id)
    return Reject("wrong_secret", rule.id, rule.client)
