"""The policy as the gate uses it: keys by their id, grants by client, collection and action.

Everything that can be prepared is prepared when a policy is published, not when a request comes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from skold.documents import Document
from skold.granted import NOTHING, Granted, compile_granted
from skold.policy_identities import (
    CertificateRule,
    TokenClientRule,
    TokenProviderRule,
    find_rows,
    read_certificate,
    read_token_client,
    read_token_provider,
)
from skold.policy_rules import (
    ClientRule,
    CollectionRule,
    GrantRule,
    KeyRule,
    PolicyInvalid,
    UrlKeyRule,
    read_client,
    read_collection,
    read_grant,
    read_key,
    read_rows,
    read_url_key,
)

__all__ = [
    "ClientRule",
    "CollectionRule",
    "GrantRule",
    "KeyRule",
    "Policy",
    "PolicyInvalid",
    "PolicyReader",
    "UrlKeyRule",
]

ANY = "*"


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Read only; shared by all requests. `granted` answers for each client, collection and
    action; token providers stand by issuer, their clients by provider and value.
    `attached` is what others added under names of their own, opaque here.
    """

    clients: dict[str, ClientRule]
    keys: dict[str, KeyRule]
    url_keys: dict[str, UrlKeyRule]
    certificates: dict[str, CertificateRule]
    token_providers: dict[str, TokenProviderRule]
    token_clients: dict[tuple[str, str], TokenClientRule]
    collections: dict[str, CollectionRule]
    attached: dict[str, Any]
    _grants: dict[tuple[str, str | None, str], Granted]

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> "Policy":
        """Raises PolicyInvalid naming the field."""
        clients = {rule.id: rule for rule in read_rows(payload, "clients", read_client)}
        keys = [k for k in read_rows(payload, "keys", read_key) if k.client in clients]
        url_keys = [k for k in read_rows(payload, "url_keys", read_url_key) if k.client in clients]
        certificates = find_rows(payload, "certificates", read_certificate)
        providers = find_rows(payload, "token_providers", read_token_provider)
        speakers = find_rows(payload, "token_clients", read_token_client)
        rows = payload.get("collections")
        if not isinstance(rows, dict):
            raise PolicyInvalid("collections must be an object")
        collections = {name: read_collection(name, rules) for name, rules in rows.items()}
        attached = payload.get("attached", {})  # a policy of an older release has none
        if not isinstance(attached, dict):
            raise PolicyInvalid("attached must be an object")
        grants = read_rows(payload, "grants", read_grant)
        return cls(
            clients,
            {key.id: key for key in keys},
            {key.id: key for key in url_keys},
            {known.id: known for known in certificates if known.client in clients},
            {provider.issuer: provider for provider in providers},
            {(who.provider, who.value): who for who in speakers if who.client in clients},
            collections,
            attached,
            _compile(grants, collections),
        )

    def granted(self, client: str, collection: str | None, action: str) -> Granted:
        """What the client may; collection None means the institution as a whole."""
        return self._grants.get((client, collection, action), NOTHING)


class PolicyReader:
    """`reader()` is the current Policy: what Gate takes. A new stamp on the same rules compiles
    nothing.
    """

    def __init__(self, current: Callable[[], Document]) -> None:
        """`current` is SignedFile.current."""
        self._current = current
        self._document: Document | None = None
        self._policy: Policy | None = None

    def __call__(self) -> Policy:
        """Raises PolicyMissing, PolicyTooOld, PolicyInvalid."""
        document = self._current()
        policy = self._policy
        if policy is not None and document is self._document:
            return policy
        if policy is None or self._document is None or document.payload != self._document.payload:
            policy = Policy.from_payload(document.payload)
        self._document, self._policy = document, policy
        return policy


def _compile(
    grants: Iterable[GrantRule], collections: Iterable[str]
) -> dict[tuple[str, str | None, str], Granted]:
    found: dict[tuple[str, str | None, str], list[GrantRule]] = {}
    everywhere: list[str | None] = [None, *collections]
    for grant in grants:
        names = everywhere if grant.collection == ANY else [grant.collection]
        for name in names:
            for action in grant.actions:
                found.setdefault((grant.client, name, action), []).append(grant)
    return {place: compile_granted(there) for place, there in found.items()}
