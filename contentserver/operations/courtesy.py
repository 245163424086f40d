"""Work that can wait lets others go first while processors are short, and never waits for long.

Linux counts how long somebody who could run waited for a processor (PSI, /proc/pressure/cpu).
Where it does not, nobody is thought to have waited.
"""

import time
from collections.abc import Callable
from pathlib import Path

PRESSURE = Path("/proc/pressure/cpu")
SHORT = 0.4
"""Share of the time in which somebody waited. A saturated machine shows 0.8 and more; our own work
on one that is idle otherwise stays below 0.2."""
LONGEST_WAIT = 5.0
"""Seconds. So on a machine that is never idle the work still goes on, a piece each five seconds."""


class Courtesy:
    """Asked before each piece of work; not thread-safe."""

    def __init__(
        self, pressure: Path = PRESSURE, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._pressure = pressure
        self._monotonic = monotonic
        self._worked = self._looked = monotonic()
        self._waited = self._read()

    def should_wait(self) -> bool:
        """Whether processors were short since the last call, unless work has waited for
        LONGEST_WAIT. False means: it begins now.
        """
        now, waited = self._monotonic(), self._read()
        short = waited - self._waited > SHORT * (now - self._looked)
        self._looked, self._waited = now, waited
        if short and now - self._worked < LONGEST_WAIT:
            return True
        self._worked = now
        return False

    def _read(self) -> float:
        """Seconds in which somebody waited, since the machine started; 0.0 if nobody counts."""
        try:
            first, *_ = self._pressure.read_text().splitlines()
            return int(first.rpartition("total=")[2]) / 1_000_000
        except (OSError, ValueError):
            return 0.0
