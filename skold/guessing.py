"""Guessing of credentials, noticed while it happens: how often a network, or the credential of a
client, comes with something that was never valid.

Counts are those of one process; a threshold is divided by the number of processes, so that nobody
stays below it by spreading.
"""

import math
from typing import Literal

from skold.flood import network_of

WINDOW = 300
"""Seconds. Counted in halves, so what is counted is between one half and the whole of it old."""
MAX_TRACKED = 10_000  # networks, or credentials, of half a window; those beyond are one
GUESSES = frozenset(
    {
        "malformed_key", "unknown_key", "unknown_scheme", "wrong_secret",
        "malformed_signed_url", "unknown_url_key", "wrong_signature",
        "malformed_token", "unknown_token_client",
        "malformed_certificate", "unknown_certificate", "certificate_not_verified",
        "certificate_not_from_proxy",
    }
)  # fmt: skip
"""Reasons of refusals that a guess has; expired, revoked or foreign credentials are none."""
Kind = Literal["network", "credential"]
KINDS: tuple[Kind, ...] = ("network", "credential")
_OTHERS = "others"


class Guessing:
    """Not thread-safe: belongs to one event loop, or under a lock."""

    def __init__(self, *, threshold: int, workers: int = 1) -> None:
        """`threshold` guesses within WINDOW, on the node; 0 notices nothing."""
        self._threshold = math.ceil(threshold / workers)
        self._half = 0
        self._now: dict[tuple[Kind, str], int] = {}
        self._before: dict[tuple[Kind, str], int] = {}

    def note(self, reason: str, credential: str | None, address: str, now: float) -> list[Kind]:
        """Count a refusal; which thresholds it is the first to reach. `now` is epoch seconds."""
        if reason not in GUESSES or not self._threshold:
            return []
        self._turn(now)
        reached = []
        if self._count("network", network_of(address)) == self._threshold:
            reached.append(KINDS[0])
        # Invented ids are nobody's; only one that the policy knows can be under attack.
        if credential and self._count("credential", credential) == self._threshold:
            reached.append(KINDS[1])
        return reached

    def suspects(self, now: float) -> dict[Kind, int]:
        """How many networks and credentials are beyond the threshold now."""
        self._turn(now)
        found: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        for place in self._now.keys() | self._before.keys():
            if self._threshold and self._sum(place) >= self._threshold:
                found[place[0]] += 1
        return found

    def _count(self, kind: Kind, name: str) -> int:
        place = (kind, name)
        if place not in self._now and len(self._now) >= MAX_TRACKED:
            place = (kind, _OTHERS)
        self._now[place] = self._now.get(place, 0) + 1
        return self._sum(place)

    def _sum(self, place: tuple[Kind, str]) -> int:
        return self._now.get(place, 0) + self._before.get(place, 0)

    def _turn(self, now: float) -> None:
        half = int(now // (WINDOW / 2))
        if half == self._half:
            return
        self._before = self._now if half == self._half + 1 else {}
        self._half, self._now = half, {}
