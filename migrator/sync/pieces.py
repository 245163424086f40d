"""How many records one job takes, and how far the jobs that may end in any order have come."""

from collections import OrderedDict
from collections.abc import Sequence

from migrator.legacy.description import RecordId

SMALLEST, LARGEST = 8, 256
_SHORT, _LONG = 0.5, 2.0
"""Seconds. A job that is shorter wastes flushes, one that is longer delays the end of a slice."""


class PieceSize:
    """Grows while jobs are short, shrinks when they take long."""

    def __init__(self) -> None:
        self.records = 32

    def learn(self, records: int, seconds: float) -> None:
        """A job of so many records took so long."""
        if seconds > _LONG:
            self.records = max(SMALLEST, self.records // 2)
        elif seconds < _SHORT and records >= self.records:
            self.records = min(LARGEST, self.records * 2)


class Track:
    """Pieces in order. `reached` is the last record before which all is done."""

    def __init__(self, reached: RecordId | None) -> None:
        self.reached = reached
        self._open: OrderedDict[int, tuple[RecordId, bool]] = OrderedDict()
        self._next = 0

    def begin(self, ids: Sequence[RecordId]) -> int:
        """A piece, behind all that were begun before; its number."""
        number, self._next = self._next, self._next + 1
        self._open[number] = (ids[-1], False)
        return number

    def finish(self, number: int) -> bool:
        """Whether `reached` moved on."""
        last, _ = self._open[number]
        self._open[number] = (last, True)
        moved = False
        while self._open:
            first, (last, done) = next(iter(self._open.items()))
            if not done:
                break
            del self._open[first]
            self.reached, moved = last, True
        return moved

    @property
    def is_idle(self) -> bool:
        """Whether all that was begun is done."""
        return not self._open
