"""The circuit breaker of one legacy database: who asks a dead one is refused at once.

closed: everybody may ask. open: nobody. half_open: one probe is under way, nobody else. It opens
after so many failures in a row, or one hanging answer. Who probes when is the owner's business.
"""

from typing import Literal

from contentserver.delivery.fallback import LegacyUnavailable

State = Literal["closed", "half_open", "open"]


class Breaker:
    """Belongs to one thread, that of the event loop."""

    def __init__(self, failures: int) -> None:
        """`failures` in a row open it."""
        self._limit = failures
        self._failures = 0
        self._state: State = "closed"
        self.reason = ""
        self.opened = 0

    @property
    def state(self) -> State:
        return self._state

    def check(self) -> None:
        """Raises LegacyUnavailable unless everybody may ask."""
        if self._state != "closed":
            raise LegacyUnavailable(self.reason)

    def succeeded(self) -> None:
        """An answer came. One that was under way when the breaker opened does not close it."""
        if self._state == "closed":
            self._failures = 0

    def failed(self, reason: str, *, hanging: bool = False) -> bool:
        """A question failed; whether the breaker opened by it."""
        if self._state != "closed":
            return False
        self._failures += 1
        if self._failures < self._limit and not hanging:
            return False
        self._state, self.reason = "open", reason
        self.opened += 1
        return True

    def probe(self) -> bool:
        """Take the one probe; False if there is nothing to probe or one is under way."""
        if self._state != "open":
            return False
        self._state = "half_open"
        return True

    def probed(self, failure: str | None) -> None:
        """The probe's end; `failure` is None where it was answered."""
        assert self._state == "half_open", "only who took the probe may end it"
        self._failures = 0
        self._state = "closed" if failure is None else "open"
        self.reason = failure or ""
