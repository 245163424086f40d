"""Refusals in a flood: the first ones in full, the rest as counts, so that a scanner cannot fill
the journal.

The first 20 refusals of a network (/24 or /64) and second are recorded one by one; those beyond are
answered 429 without waiting, and counted, for each reason and known credential. The counts are
records too: `take_counts` gives them once their second is over. Which of the two it is does not
depend on the credential: otherwise the 21st guess would tell an id that the policy knows from one
that it does not.

Requests of a client beyond its own limit are counted apart, for each of its credentials, so that
neither hides the other.
"""

import contextlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from skold.journal import Journal, JournalUnavailable, Scalar
from skold.networks import find_address

LIMIT = 20
MAX_BUCKETS = 10_000  # of one second; what comes beyond shares one bucket
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class FloodCount:
    """Refusals not recorded one by one. `network` identifies persons: private part."""

    credential: str | None
    network: str
    second: int
    count: int
    reason: str = ""


class Flood:
    """Counts refusals of a process. Not thread-safe: belongs to one event loop, or under a lock."""

    def __init__(self, limit: int = LIMIT, max_buckets: int = MAX_BUCKETS) -> None:
        self._limit = limit
        self._max_buckets = max_buckets
        self._second = 0
        self._seen: dict[tuple[str | None, str], int] = {}
        self._beyond: dict[tuple[str | None, str, str], int] = {}
        self._over: list[FloodCount] = []

    def admit(
        self,
        credential: str | None,
        address: str,
        now: float,
        reason: str = "",
        *,
        valid: bool = False,
    ) -> bool:
        """True: record this refusal in full. False: it is counted; answer 429 without waiting.

        `credential` is an id the policy knows, else None. `valid`: it was its client, beyond a
        limit. `now` is epoch seconds; there are few reasons.
        """
        self._turn(int(now))
        network = network_of(address)
        bucket = (credential if valid else None, network)
        if bucket not in self._seen and len(self._seen) >= self._max_buckets:
            credential, network = None, _OTHERS
            bucket = (None, _OTHERS)
        seen = self._seen[bucket] = self._seen.get(bucket, 0) + 1
        if seen <= self._limit:
            return True
        counted = (credential, network, reason)
        self._beyond[counted] = self._beyond.get(counted, 0) + 1
        return False

    @property
    def is_counting(self) -> bool:
        """Whether refusals of the second that is not over were counted."""
        return bool(self._beyond)

    def take_counts(self, now: float) -> list[FloodCount]:
        """Counts of seconds that are over, each handed out once. Ask about once a second, and at
        the end.
        """
        self._turn(int(now))
        counts, self._over = self._over, []
        return counts

    def _turn(self, second: int) -> None:
        if second == self._second:
            return
        self._over += [
            FloodCount(credential, network, self._second, count, reason)
            for (credential, network, reason), count in self._beyond.items()
        ]
        self._second, self._seen, self._beyond = second, {}, {}


def record_counts(journal: Journal, plane: str, counts: Iterable[FloodCount]) -> None:
    """Without waiting for the disk. Counts that the journal does not take are lost."""
    for flood in counts:
        body: dict[str, Scalar] = {
            "plane": plane,
            "count": flood.count,
            "second": flood.second,
            "reason": flood.reason,
        }
        if flood.credential is not None:
            body["credential"] = flood.credential
        with contextlib.suppress(JournalUnavailable):
            journal.append("flood", body, {"network": flood.network})


def network_of(address: str) -> str:
    """The /24 or /64 an address lies in; the text itself if it is no address."""
    parsed = find_address(address)
    if parsed is None:
        return address
    bits = 24 if parsed.version == 4 else 64
    return str(ipaddress.ip_network((parsed, bits), strict=False))
