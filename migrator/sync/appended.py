"""An append-only table with an xid8 column: new records to the disk, without triggers.

A record is read once every transaction below its own has ended, so one that commits late is not
passed over. The position is saved when all up to it are on disk or their errors are noted.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.db import transaction

from migrator.legacy.appended import Position, read_appended
from migrator.legacy.description import RecordId
from migrator.legacy.horizon import snapshot_bounds
from migrator.outcomes import Outcome
from migrator.sync.book import Book
from migrator.sync.clock import Clock
from migrator.sync.hands import Job
from migrator.sync.holder import first_holder
from migrator.sync.pieces import PieceSize

PAGE = 1000
LOOK_EACH = 1.0
"""Seconds."""


class _Page(NamedTuple):
    at: dt.datetime
    held_back_by: dict[str, Any]
    ids: list[RecordId]
    position: Position


class Appended:
    """One page after the other; its pieces by several hands."""

    def __init__(self, book: Book, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._size = PieceSize()
        self._pieces: list[list[RecordId]] = []
        self._busy = 0
        self._look_at = float("-inf")
        self._page_end: Position | None = None
        self.is_idle = False

    @property
    def is_ready(self) -> bool:
        """Whether the point is fixed up to which backfill sees every record."""
        return bool(self._book.source.xid_position)

    def next(self) -> Job | None:
        """What can be done now."""
        if self._pieces:
            return self._bring(self._pieces.pop(0))
        if self._busy or self._clock.monotonic() < self._look_at:
            return None
        self._busy += 1
        if not self.is_ready:
            return Job(lambda tools: snapshot_bounds(tools.connection)[0], self._take_first)
        column = self._book.source.xid_column
        position = Position.from_json(self._book.source.xid_position)
        at = self._clock.now()
        return Job(
            lambda tools: _Page(
                at,
                first_holder(tools.connection),
                *read_appended(tools.reader, column, position, PAGE),
            ),
            self._take_page,
        )

    def _take_first(self, xmin: int) -> None:
        """What committed before this point, backfill will see, unless it has begun already."""
        self._busy -= 1
        first = xmin if self._book.source.backfill_started_at is None else 0
        self._book.save(xid_position=Position(str(first), None).to_json())

    def _take_page(self, page: "_Page") -> None:
        ids, self._page_end = page.ids, page.position
        self._busy -= 1
        self.is_idle = not ids
        self._book.figures.held_back_by = page.held_back_by
        self._book.change(held_back_by=page.held_back_by)
        if not ids:
            self._look_at = self._clock.monotonic() + LOOK_EACH
            self._book.change(caught_up_at=page.at)
        step = self._size.records
        self._pieces = [ids[i : i + step] for i in range(0, len(ids), step)]
        self._end_page_if_done()

    def _bring(self, piece: list[RecordId]) -> Job:
        self._busy += 1
        began = self._clock.monotonic()

        def take(outcomes: list[Outcome]) -> None:
            self._busy -= 1
            self._size.learn(len(piece), self._clock.monotonic() - began)
            with transaction.atomic():
                self._book.settle(outcomes)
                self._end_page_if_done()

        return Job(lambda tools: tools.bring(piece, only_missing=False), take)

    def _end_page_if_done(self) -> None:
        if not self._pieces and not self._busy and self._page_end is not None:
            self._book.save(xid_position=self._page_end.to_json())
