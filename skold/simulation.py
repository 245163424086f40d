"""What the gate would say: a wish put to the real gate under a policy, with what stands in its way.

Only the secret is left out. Everything else is asked as for a request: whether the client is
enabled, holds a credential of the kind, may come from the address and name the end user, and what
its grants reach.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skold.gate import Gate
from skold.policy import Policy
from skold.policy_rules import ClientRule
from skold.principals import CredentialKind, Decision, EndUserKnown, Principal, refusal
from skold.urls import is_name
from skold.years import Years

KINDS: tuple[CredentialKind, ...] = ("api_key", "signed_url", "token", "certificate")
KNOWN: Mapping[str, EndUserKnown] = {"signed_url": "signed_url", "token": "token"}
"""How well the end user is known; with other kinds as the client asserts."""
BY_URL = frozenset({"read", "write", "delete"})
"""Actions that a signed URL can stand for."""
OPEN_TO_END_USERS = frozenset({"signed_url"})
"""Kinds that are made to be used from elsewhere: address ranges do not bind them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`collection` None: the institution; `key` None: the whole collection; `year` None: whatever
    years the grants reach. `address` None: from one that the client may come from.
    """

    client: str
    action: str
    collection: str | None = None
    key: str | None = None
    year: int | None = None
    kind: CredentialKind = "api_key"
    end_user: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is what a request would be answered with if the file is there. `years` bound an
    allowed wish that named none. `near` are grants of the client that allow the action elsewhere.
    """

    decision: Decision
    status: int
    years: Years | None
    near: tuple[Mapping[str, Any], ...]
    client: ClientRule | None

    @property
    def grant(self) -> int | None:
        """The grant that decided."""
        kind, _, number = (self.decision.rule or "").partition(":")
        return int(number) if kind == "grant" else None


def simulate(
    policy: Policy, payload: Mapping[str, Any], url_keys: Mapping[int, bytes], wish: Wish
) -> Outcome:
    """`payload` is what the policy was made of; `url_keys` as Gate takes them."""
    now = time.time_ns()
    client = policy.clients.get(wish.client)
    reason = _refuse_identity(client, payload, wish, now // 1_000_000_000)
    if reason is not None:
        decision = refusal(reason)
    else:
        gate = Gate(lambda: policy, url_keys, lambda: now)
        decision = gate.decide(
            _principal(wish, now // 1_000_000_000 + 1),
            wish.action,
            wish.collection,
            wish.key,
            wish.year,
            year_follows=wish.year is None,
        )
    near = () if decision.allowed else _find_near(payload["grants"], wish)
    return Outcome(decision, _status(decision, reason), decision.years, near, client)


def _principal(wish: Wish, expires: int) -> Principal:
    known = None if wish.end_user is None else KNOWN.get(wish.kind, "asserted")
    return Principal(wish.client, "simulation", wish.kind, wish.end_user, known, expires)


def _refuse_identity(
    client: ClientRule | None, payload: Mapping[str, Any], wish: Wish, now: int
) -> str | None:
    if client is None:
        return "unknown_client"
    bound = wish.kind not in OPEN_TO_END_USERS and wish.address is not None
    refused = {
        "no_live_credential": not _holds(payload, wish, now),
        "client_disabled": not client.enabled,
        "address_outside": bound and not client.admits(wish.address or ""),
        "signed_url_method": wish.kind == "signed_url" and wish.action not in BY_URL,
        "malformed_on_behalf_of": wish.end_user is not None and not is_name(wish.end_user),
    }
    return next((reason for reason, holds in refused.items() if holds), None)


def _holds(payload: Mapping[str, Any], wish: Wish, now: int) -> bool:
    """Whether the client has a credential of the kind that has not expired."""
    member = {
        "api_key": "keys",
        "signed_url": "url_keys",
        "token": "token_clients",
        "certificate": "certificates",
    }[wish.kind]
    return any(
        row["client"] == wish.client and (row.get("expires") is None or row["expires"] > now)
        for row in payload.get(member, ())
    )


_UNAUTHENTICATED = 401
_END_USER = {"end_user_required", "end_user_forbidden", "end_user_unproven"}


def _status(decision: Decision, identity: str | None) -> int:
    if decision.allowed:
        return 200
    if identity is not None:
        return _UNAUTHENTICATED
    return 400 if decision.reason in _END_USER else 404


def _find_near(grants: Sequence[Mapping[str, Any]], wish: Wish) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        grant
        for grant in grants
        if grant["client"] == wish.client and wish.action in grant["actions"]
    )
