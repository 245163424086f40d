"""A wish put to the policy as it lies on disk now, and whether the database has another one."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from skold.control import parts
from skold.models import PolicyState
from skold.policy import Policy
from skold.publisher import build_payload
from skold.simulation import Outcome, Wish, simulate

COMPARED = (
    "clients",
    "keys",
    "url_keys",
    "certificates",
    "token_providers",
    "token_clients",
    "grants",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The policy in force. `waiting` are the members of it that the database has otherwise;
    `restored`: the disk is ahead of the database.
    """

    number: int
    issued_at: dt.datetime
    age_seconds: int
    waiting: tuple[str, ...]
    restored: bool


@dataclass(frozen=True, slots=True)
class Simulation:
    """An outcome, and the policy it holds under."""

    wish: Wish
    outcome: Outcome
    policy: Standing


def ask(wish: Wish) -> Simulation:
    """Raises PolicyMissing, PolicyTooOld, PolicyInvalid as a request would meet them."""
    document = parts.published()
    outcome = simulate(
        Policy.from_payload(document.payload), document.payload, parts.url_keys(), wish
    )
    return Simulation(wish, outcome, _standing(document.number, document.issued_at, document))


def standing() -> Standing:
    """The policy in force. Raises PolicyMissing, PolicyTooOld."""
    document = parts.published()
    return _standing(document.number, document.issued_at, document)


def _standing(number: int, issued_at: float, document: Any) -> Standing:
    issued = dt.datetime.fromtimestamp(issued_at, dt.UTC)
    database = build_payload({}, {})
    waiting = tuple(
        member for member in COMPARED if database[member] != document.payload.get(member, [])
    )
    state = PolicyState.objects.filter(pk=1).first()
    age = max(0, int((timezone.now() - issued).total_seconds()))
    known = state.number if state else 0
    return Standing(number, issued, age, waiting, restored=number > known)
