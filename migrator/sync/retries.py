"""Records that failed, once more when their time has come."""

from migrator.legacy.description import RecordId
from migrator.models import RecordError
from migrator.outcomes import Outcome
from migrator.sync.book import Book
from migrator.sync.clock import Clock
from migrator.sync.hands import Job

LOOK_EACH = 2.0
"""Seconds."""
PIECE = 32


class Retries:
    """One piece at a time. What legacy has now becomes the latest version, whatever stands."""

    def __init__(self, book: Book, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._look_at = float("-inf")
        self._busy = False
        self.seen_empty = False

    def next(self) -> Job | None:
        """The records that are due."""
        if self._busy or self._clock.monotonic() < self._look_at:
            return None
        self._look_at = self._clock.monotonic() + LOOK_EACH
        due = RecordError.objects.filter(
            source=self._book.source, retry_at__lte=self._clock.now()
        ).order_by("retry_at")
        ids: list[RecordId] = [tuple(one) for one in due.values_list("record", flat=True)[:PIECE]]
        self.seen_empty = not ids
        if not ids:
            return None
        self._busy = True
        return Job(lambda tools: tools.bring(ids, only_missing=False), self._take)

    def _take(self, outcomes: list[Outcome]) -> None:
        self._busy = False
        self._look_at = float("-inf")
        self._book.settle(outcomes)
