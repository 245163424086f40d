"""The change log's records to the disk, all the time: what is pending is read, imported, removed.

Whatever is visible in the log is pending, whenever it was written: nothing is remembered between
two looks, so a transaction that commits late is seen like any other. A record that fails stays in
the log, and rests until its error's time has come or it changes once more.
"""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from migrator.legacy.changes import Backlog
from migrator.legacy.description import RecordId
from migrator.outcomes import Outcome
from migrator.sync.book import Book
from migrator.sync.clock import Clock
from migrator.sync.hands import Job, Tools
from migrator.sync.holder import first_holder
from migrator.sync.pieces import PieceSize

PAGE = 1000
LOOK_EACH = 1.0
STATUS_EACH = 5.0
"""Seconds at least; and twenty times what it took, because counting the log reads it all."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw. `status` and `held_back_by` where it was time for them."""

    at: dt.datetime
    pending: dict[RecordId, list[int]]
    everything: list[int]
    status: Backlog | None = None
    held_back_by: dict[str, Any] | None = None
    counting: float = 0.0
    """Seconds that the status took."""

    @property
    def events(self) -> int:
        return sum(map(len, self.pending.values()))

    @property
    def last(self) -> int:
        """The highest number seen."""
        return max(max(ids) for ids in self.pending.values())


class Changes:
    """One look after the other; between them the pieces that it gave, by several hands."""

    def __init__(
        self, book: Book, clock: Clock, on_everything: Callable[[list[int]], None]
    ) -> None:
        """`on_everything` gets the events that say that all may have changed (TRUNCATE)."""
        self._book = book
        self._clock = clock
        self._on_everything = on_everything
        self._size = PieceSize()
        self._pieces: list[dict[RecordId, list[int]]] = []
        self._busy = 0
        self._after = 0
        self._look_at = self._status_at = float("-inf")
        self._found = False
        self.is_idle = False

    def next(self) -> Job | None:
        """What can be done now."""
        if self._pieces:
            return self._bring(self._pieces.pop(0))
        if self._busy or self._clock.monotonic() < self._look_at:
            return None
        self._busy += 1
        with_status = self._clock.monotonic() >= self._status_at
        after = self._after
        at = self._clock.now()
        return Job(lambda tools: _look(tools, at, after, with_status=with_status), self._take_look)

    def _take_look(self, look: Look) -> None:
        self._busy -= 1
        now = self._clock.monotonic()
        if look.status is not None:
            self._status_at = now + max(STATUS_EACH, 20 * look.counting)
            self._show(look)
        if look.everything:
            self._on_everything(look.everything)
        due = self._without_resting(look.pending)
        self._cut(due)
        self._found = self._found or bool(due)
        first, last = self._after == 0, look.events < PAGE
        if first and not look.events and not look.everything:
            self._book.change(caught_up_at=look.at, backlog=0, oldest_change_at=None)
            self._book.figures.backlog, self._book.figures.oldest_change_at = 0, None
        self._after = 0 if last else look.last
        self._look_at = now + LOOK_EACH if last else now
        if last:
            self.is_idle, self._found = not self._found, False

    def _cut(self, due: dict[RecordId, list[int]]) -> None:
        ids = list(due)
        step = self._size.records
        self._pieces = [
            {one: due[one] for one in ids[i : i + step]} for i in range(0, len(ids), step)
        ]

    def _bring(self, piece: dict[RecordId, list[int]]) -> Job:
        self._busy += 1
        began = self._clock.monotonic()

        def take(outcomes: list[Outcome]) -> None:
            self._busy -= 1
            self._size.learn(len(piece), self._clock.monotonic() - began)
            # A busy one is in the log still, and seen again by the next look.
            self._book.settle(outcomes, events=piece, busy_fails=False)
            if not any(one.what in {"failed", "busy"} for one in outcomes):
                self._look_at = self._clock.monotonic()

        return Job(lambda tools: tools.bring(list(piece), only_missing=False), take)

    def _without_resting(self, pending: dict[RecordId, list[int]]) -> dict[RecordId, list[int]]:
        """Without records that failed with these very changes: `Retries` looks after them."""
        if not pending:
            return pending
        failed = self._book.source.errors.filter(record__in=[list(one) for one in pending])
        known = {tuple(record): set(ids) for record, ids in failed.values_list("record", "events")}
        return {
            one: ids
            for one, ids in pending.items()
            if one not in known or not known[one].issuperset(ids)
        }

    def _show(self, look: Look) -> None:
        assert look.status is not None
        backlog, oldest = look.status
        held_back_by = look.held_back_by or {}
        figures = self._book.figures
        figures.backlog, figures.oldest_change_at = backlog, oldest
        figures.held_back_by = held_back_by
        self._book.change(backlog=backlog, oldest_change_at=oldest, held_back_by=held_back_by)


def _look(tools: Tools, at: dt.datetime, after: int, *, with_status: bool) -> Look:
    # Everything first: what a TRUNCATE left pending is then at most too much.
    everything = tools.changes.note_all()
    pending = tools.changes.note_batch(PAGE, after=after)
    if not with_status:
        return Look(at, pending, everything)
    began = time.monotonic()
    status, held_back_by = tools.changes.status(), first_holder(tools.connection)
    return Look(at, pending, everything, status, held_back_by, time.monotonic() - began)
