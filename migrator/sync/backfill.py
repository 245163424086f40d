"""Every record once, in the order of its keys: only what is missing is written.

The position is saved when all records up to it are on disk or their errors are noted. Records that
appear behind it are in the change log, or found by the next comparison.
"""

from functools import partial

from django.db import transaction
from django.db.models import F

from migrator.legacy.description import RecordId
from migrator.outcomes import Outcome
from migrator.sync.book import Book
from migrator.sync.clock import Clock, is_quiet
from migrator.sync.hands import Job
from migrator.sync.pieces import PieceSize, Track
from migrator.sync.throttle import Throttle

PAGE = 1000
"""Ids that one statement asks for."""


class Backfill:
    """Pages of ids, cut into pieces for several hands."""

    def __init__(self, book: Book, clock: Clock, throttle: Throttle) -> None:
        self._book = book
        self._clock = clock
        self._throttle = throttle
        source = book.source
        after = source.backfill_after
        self._track = Track(None if after is None else tuple(after))
        self._asked = self._track.reached
        self._asking = False
        self._all_asked = False
        self.is_finished = source.backfill_finished_at is not None
        self._ids: list[RecordId] = []
        self._size = PieceSize()

    def next(self) -> Job | None:
        """What can be done now; nothing in quiet hours and above the limit."""
        if self.is_finished:
            return None
        source, figures = self._book.source, self._book.figures
        figures.is_quiet = is_quiet(self._clock.now(), source.quiet_from, source.quiet_to)
        if figures.is_quiet or not self._throttle.is_open:
            return None
        if not self._asking and not self._all_asked and len(self._ids) < PAGE // 2:
            return self._ask()
        return self._bring() if self._ids else None

    def _ask(self) -> Job:
        self._asking = True
        if self._book.source.backfill_started_at is None:
            self._book.save(backfill_started_at=self._clock.now())
        after = self._asked
        return Job(lambda tools: tools.reader.ids_after(after, PAGE), self._take_ids)

    def _take_ids(self, ids: list[RecordId]) -> None:
        self._asking = False
        self._ids += ids
        self._all_asked = len(ids) < PAGE
        if ids:
            self._asked = ids[-1]
        self._finish_if_all_is_done()

    def _bring(self) -> Job:
        piece, self._ids = self._ids[: self._size.records], self._ids[self._size.records :]
        number = self._track.begin(piece)
        began = self._clock.monotonic()
        return Job(
            lambda tools: tools.bring(piece, only_missing=True), partial(self._take, number, began)
        )

    def _take(self, number: int, began: float, outcomes: list[Outcome]) -> None:
        self._size.learn(len(outcomes), self._clock.monotonic() - began)
        self._throttle.spend(sum(one.size for one in outcomes))
        moved = self._track.finish(number)
        with transaction.atomic():
            self._book.settle(outcomes)
            fields = {"backfill_after": list(self._track.reached or ())} if moved else {}
            self._book.save(backfill_records=F("backfill_records") + len(outcomes), **fields)
        self._book.figures.backfilled += len(outcomes)
        self._finish_if_all_is_done()

    def _finish_if_all_is_done(self) -> None:
        if self._all_asked and not self._asking and not self._ids and self._track.is_idle:
            self.is_finished = True
            self._book.save(backfill_finished_at=self._clock.now())
