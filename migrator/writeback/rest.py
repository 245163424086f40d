"""What failed rests, twice as long each time, so that it holds up nothing else."""

import time
from collections.abc import Callable, Hashable

FIRST = 1.0
LONGEST = 300.0


class Rests:
    """Times are seconds. Forgotten when the process ends: then everything is tried at once."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until: dict[Hashable, tuple[float, int]] = {}

    def is_resting(self, what: Hashable) -> bool:
        until, _tries = self._until.get(what, (0.0, 0))
        return until > self._monotonic()

    def failed(self, what: Hashable, *, longest: float = LONGEST) -> int:
        """How many times in a row that is now."""
        tries = self._until.get(what, (0.0, 0))[1] + 1
        wait = min(FIRST * 2.0 ** min(tries - 1, 20), longest)
        self._until[what] = (self._monotonic() + wait, tries)
        return tries

    def went_well(self, what: Hashable) -> None:
        self._until.pop(what, None)
