"""Refusals in a flood: the first ones in full, the rest as counts, so that a scanner cannot fill
the journal.

For each (credential, /24 or /64, second) the first 20 refusals are recorded one by one; those
beyond are answered 429 without waiting, and counted. The counts are records too: `take_counts`
gives them once their second is over.
"""

import ipaddress
from dataclasses import dataclass

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


class Flood:
    """Counts refusals of a process. Not thread-safe: belongs to one event loop, or under a lock."""

    def __init__(self, limit: int = LIMIT, max_buckets: int = MAX_BUCKETS) -> None:
        self._limit = limit
        self._max_buckets = max_buckets
        self._second = 0
        self._seen: dict[tuple[str | None, str], int] = {}
        self._over: list[FloodCount] = []

    def admit(self, credential: str | None, address: str, now: float) -> bool:
        """True: record this refusal in full. False: it is counted; answer 429 without waiting.

        `credential` is an id the policy knows, else None: invented ones must not open a bucket
        each. `now` is epoch seconds.
        """
        self._turn(int(now))
        bucket = (credential, network_of(address))
        if bucket not in self._seen and len(self._seen) >= self._max_buckets:
            bucket = (None, _OTHERS)
        seen = self._seen[bucket] = self._seen.get(bucket, 0) + 1
        return seen <= self._limit

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
        for (credential, network), seen in self._seen.items():
            if seen > self._limit:
                more = seen - self._limit
                self._over.append(FloodCount(credential, network, self._second, more))
        self._second, self._seen = second, {}


def network_of(address: str) -> str:
    """The /24 or /64 an address lies in; the text itself if it is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    bits = 24 if parsed.version == 4 else 64
    return str(ipaddress.ip_network((parsed, bits), strict=False))
