"""How many requests a second a client may make, and one address.

Each process keeps count for itself and grants its share: with w processes a limit of n gives each
of them n/w a second and a burst of n. So a node answers at most n * (seconds + w) requests in any
time, and a client whose connections all lie at one process gets n/w a second for ever, after a
burst of n.

What somebody else can send never counts against a client. Only requests with a secret of the
client's own do; those by signed URL or from a legacy address, which others can repeat, are counted
for each network by itself. Requests without a valid credential take from the limit of their address
while half of it is left, so those who share the address with them keep the other half and all that
grows back.
"""

import math
import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar

from skold.flood import network_of
from skold.policy import Policy
from skold.principals import Principal

MAX_BUCKETS = 20_000
OWN_SECRET = frozenset({"api_key", "token", "certificate"})
K = TypeVar("K")
_ROUNDING = 1e-9
CLIENT, ADDRESS = "client_limit", "address_limit"


class Excess(NamedTuple):
    """Why a request is one too many, and in how many whole seconds there is room again."""

    reason: str
    retry_after: int


class Limits:
    """Counts requests of one process. Not thread-safe: belongs to an event loop, or under a
    lock.
    """

    def __init__(
        self,
        *,
        workers: int,
        per_address: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`per_address` requests a second, 0 for no limit; `workers` processes share each limit."""
        self._workers = workers
        self._monotonic = monotonic
        self._prepared_for: Policy | None = None
        self._intervals: dict[str, float] = {}  # of clients with a limit: seconds for one request
        self._address_interval = workers / per_address if per_address else 0.0
        self._clients: dict[tuple[str, str], float] = {}
        self._addresses: dict[str, float] = {}

    def admit(self, principal: Principal, address: str, policy: Policy) -> Excess | None:
        """Count a request with a valid credential; why not, where it is one too many."""
        if policy is not self._prepared_for:
            self._prepare(policy)
        if self._address_interval:
            # Of IPv6 one place has a whole /64.
            place = _network(address) if ":" in address else address
            wait = self._take(self._addresses, place, self._address_interval)
            if wait:
                return Excess(ADDRESS, wait)
        if not self._intervals:
            return None
        interval = self._intervals.get(principal.client)
        if interval is None:
            return None
        own = principal.credential_kind in OWN_SECRET
        bucket = (principal.client, "" if own else _network(address))
        wait = self._take(self._clients, bucket, interval)
        return Excess(CLIENT, wait) if wait else None

    def admit_stranger(self, address: str) -> Excess | None:
        """Count a request without a valid credential, against half of what its address has."""
        if not self._address_interval:
            return None
        wait = self._take(self._addresses, _place(address), self._address_interval, 0.5)
        return Excess(ADDRESS, wait) if wait else None

    def _prepare(self, policy: Policy) -> None:
        self._intervals = {
            client.id: self._workers / client.requests_per_second
            for client in policy.clients.values()
            if client.requests_per_second is not None
        }
        self._prepared_for = policy

    def _take(self, buckets: dict[K, float], bucket: K, interval: float, part: float = 1.0) -> int:
        """0 if there is room, else seconds until there is. A bucket is one number, the time at
        which it is full again (GCRA, ITU-T I.371); each request moves it on by its interval.
        """
        now = self._monotonic()
        full_at = buckets.get(bucket, 0.0)
        new = full_at == 0.0
        full_at = interval + (full_at if full_at > now else now)  # noqa: FURB136 - a call costs more
        # A burst of one second's worth of the whole limit takes `workers` seconds of the share; one
        # request always has room.
        beyond = full_at - now - self._workers * part
        if beyond > _ROUNDING and full_at - now > interval + _ROUNDING:
            return math.ceil(beyond) or 1
        if new and len(buckets) >= MAX_BUCKETS:
            _forget(buckets, now)
        buckets[bucket] = full_at
        return 0


def _forget(buckets: dict[K, float], now: float) -> None:
    """Make room: the full ones say nothing. If too few are, all go, because to let some through
    twice is better than to lock somebody out whose bucket finds no place.
    """
    for bucket in [each for each, full_at in buckets.items() if full_at <= now]:
        del buckets[bucket]
    if len(buckets) > MAX_BUCKETS // 2:
        buckets.clear()


def _place(address: str) -> str:
    """An IPv4 address is one place; of IPv6 one place has a whole /64."""
    return _network(address) if ":" in address else address


@lru_cache(maxsize=MAX_BUCKETS)
def _network(address: str) -> str:
    return network_of(address)
