"""What became of the records, as the control database shall know it. One writer: the conductor.

Errors and positions are written before the next piece of work counts on them; figures about each
second, as additions, so that nobody's are overwritten.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F

from migrator.legacy.description import RecordId
from migrator.models import Source
from migrator.outcomes import Outcome
from migrator.services import failures
from migrator.sync.clock import Clock

TOO_MANY = 1000
"""So many records that fail one after the other mean that the description is wrong, not they."""
EACH = 1.0
"""Seconds between two writes of figures."""


@dataclass(slots=True)
class Figures:
    """What a slice has done so far, for whoever watches."""

    files: int = 0
    bytes: int = 0
    looked_at: int = 0
    failed: int = 0
    backlog: int | None = None
    oldest_change_at: dt.datetime | None = None
    held_back_by: dict[str, Any] = field(default_factory=dict)
    backfilled: int = 0
    """Records that backfill has looked at, all slices together."""
    is_quiet: bool = False


class Book:
    """Writes the rows of one source."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self.source = source
        self.figures = Figures(backfilled=source.backfill_records)
        self._clock = clock
        self._unwritten = Figures()
        self._changed: dict[str, Any] = {}
        self._written_at = float("-inf")
        self._in_a_row = 0
        self.nothing_works: str | None = None
        self._has_errors = source.errors.exists()

    def settle(
        self,
        outcomes: Sequence[Outcome],
        *,
        events: Mapping[RecordId, list[int]] | None = None,
        busy_fails: bool = True,
    ) -> None:
        """Note the errors of a piece, forget those that are solved, count the rest.

        `busy_fails`: a record that somebody else held is noted too, so that it is not forgotten.
        """
        names = {"failed", "busy"} if busy_fails else {"failed"}
        failed = [one for one in outcomes if one.what in names]
        failures.note(self.source, failed, now=self._clock.now(), events=events)
        self._has_errors = self._has_errors or bool(failed)
        if self._has_errors:
            # Not those where only some version stands: it may be older than what failed.
            failures.solve(self.source, [one.record_id for one in outcomes if one.settled])
        good = any(one.what not in names for one in outcomes)
        self._in_a_row = 0 if good else self._in_a_row + len(failed)
        if self._in_a_row >= TOO_MANY:
            self.nothing_works = f"{failed[-1].error_name}, {failed[-1].key}"
        for figures in (self.figures, self._unwritten):
            figures.files += sum(one.what == "imported" for one in outcomes)
            figures.bytes += sum(one.size for one in outcomes if one.what == "imported")
            figures.looked_at += len(outcomes)
            figures.failed += len(failed)

    def change(self, **fields: Any) -> None:
        """Have these fields of the source written with the next figures."""
        self._changed |= fields

    def save(self, **fields: Any) -> None:
        """Write these fields of the source now; values or expressions of the database."""
        for name, value in fields.items():
            if not hasattr(value, "resolve_expression"):
                setattr(self.source, name, value)
        Source.objects.filter(pk=self.source.pk).update(**fields)

    def write(self, *, at_once: bool = False) -> None:
        """Write figures, if a second has passed since they were last written."""
        now = self._clock.monotonic()
        if not at_once and now - self._written_at < EACH:
            return
        added, self._unwritten = self._unwritten, Figures()
        changed, self._changed = self._changed, {}
        Source.objects.filter(pk=self.source.pk).update(
            files_imported=F("files_imported") + added.files,
            bytes_imported=F("bytes_imported") + added.bytes,
            sync_seen_at=self._clock.now(),
            **changed,
        )
        self._written_at = now
