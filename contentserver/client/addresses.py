"""Where to read: the first address, or the second while the first is down.

A small circuit breaker: after a failure the first address is left alone for a while, so that a dead
one does not cost every read its time-out. When the while is over, one request tries it.
"""

import threading
from collections.abc import Callable
from typing import Final

SHORTEST: Final = 2.0  # seconds that an address is left alone after its first failure
LONGEST: Final = 60.0  # seconds, however often it failed


class Addresses:
    """`first` takes all writes; `second`, if there is one, only reads. For many threads."""

    def __init__(self, first: str, second: str | None, clock: Callable[[], float]) -> None:
        self.first = first
        self._second = second
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0
        self._lock = threading.Lock()

    def order(self, *, elsewhere: bool) -> list[str]:
        """Where to send a request, the best address first."""
        if self._second is None or not elsewhere:
            return [self.first]
        if self._is_open():
            return [self.first, self._second]
        return [self._second, self.first]

    def failed(self, address: str) -> None:
        """Nobody answered there, or nobody who could."""
        if address != self.first:
            return
        with self._lock:
            self._closed_until = self._clock() + self._pause()
            self._failures += 1

    def worked(self, address: str) -> None:
        """It answered."""
        if address == self.first:
            with self._lock:
                self._failures, self._closed_until = 0, 0.0

    def _is_open(self) -> bool:
        with self._lock:
            now = self._clock()
            if now < self._closed_until:
                return False
            if self._failures:  # this request tries it; the others wait for the outcome
                self._closed_until = now + self._pause()
            return True

    def _pause(self) -> float:
        return min(LONGEST, SHORTEST * 2.0 ** min(self._failures, 10))
