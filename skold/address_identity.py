"""Principals by where a request goes and where it comes from: an address may be declared to be used
by one client, whose requests there need no credential if they come from its own networks.
"""

from skold import urls
from skold.policy import Policy
from skold.principals import EndUserKnown, Principal, Reject, RequestFacts


def identify(policy: Policy, client: str, name: str, facts: RequestFacts) -> Principal | Reject:
    """The declared client of the address `name`, only if it is enabled and has address ranges that
    the request comes from: a client without ranges could be anybody.
    """
    reason = _refuse(policy, client, facts)
    if reason is not None:
        return Reject(reason, name, client if client in policy.clients else None)
    known: EndUserKnown | None = None if facts.on_behalf_of is None else "asserted"
    return Principal(client, name, "legacy_address", facts.on_behalf_of, known)


def _refuse(policy: Policy, client: str, facts: RequestFacts) -> str | None:
    rule = policy.clients.get(client)
    if rule is None:
        return "unknown_client"
    if not rule.enabled:
        return "client_disabled"
    if not rule.address_ranges:
        return "no_address_ranges"
    if not rule.admits(facts.address):
        return "address_outside"
    named = facts.on_behalf_of
    return None if named is None or urls.is_name(named) else "malformed_on_behalf_of"
