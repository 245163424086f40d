"""The write-back of one source: delivering, watching for changes of others, and decisions.

Whatever fails here is this source's alone: it is logged, and tried again later.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import psycopg
from django.utils import timezone
from django.utils.translation import gettext as _

from contentserver.operations.extensions import BridgeContext
from contentserver.store.errors import StoreError
from migrator.legacy.address import AddressMissing, AddressOpen
from migrator.legacy.description import Description
from migrator.legacy.errors import LegacyError
from migrator.legacy.shape import SourceUnfit
from migrator.models import Alarm, Source
from migrator.published import WRITTEN_HERE
from migrator.writeback import alarms
from migrator.writeback.carrier import Target
from migrator.writeback.plant import WriteBackTools, open_tools
from migrator.writeback.rest import Rests

log = logging.getLogger(__name__)

ALARM_AFTER = 5
"""Tries, one after the other in about half a minute."""
WATCH_EACH = 5.0
AWAY_LONGEST = 30.0
"""Seconds between two tries to reach a database that is away."""

_REFUSED = (LegacyError, StoreError, psycopg.Error)
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, AddressMissing, AddressOpen, SourceUnfit)
_AGAIN = (psycopg.errors.TransactionRollback, psycopg.errors.LockNotAvailable)
"""Somebody else was at the same record; the next try is likely to go through."""
T = TypeVar("T")


class SourceWork:
    """`source` is its newest row."""

    def __init__(self, context: BridgeContext, source: Source) -> None:
        """Raises django.db.Error."""
        self.source = source
        self.description = Description.from_mapping(source.description)
        self._context = context
        self._tools: WriteBackTools | None = None
        self._rests = Rests()
        self._watched = float("-inf")
        # Known from the start, so that nobody is asked for each record that goes well.
        self._alarmed = alarms.failed_records(source)

    def close(self) -> None:
        """Let the connection go."""
        if self._tools is not None:
            self._tools.connection.close()
            self._tools = None

    def deliver(self, target: Target) -> bool:
        """Whether legacy has what it needs of this record. Raises django.db.Error,
        JournalUnavailable."""
        return self._with_tools(lambda tools: self._deliver(tools, target)) or False

    def look(self) -> None:
        """Carry out decisions, and see what others have changed. Raises as `deliver`."""
        decided = Alarm.objects.filter(source=self.source, settled_at=None).exclude(decision="")
        for alarm in decided.order_by("pk"):
            if not self._rests.is_resting(("alarm", alarm.pk)):
                self._with_tools(partial(self._decide, alarm))
        due = time.monotonic() - self._watched >= WATCH_EACH
        if due and self.source.mode in WRITTEN_HERE and not self.source.final:
            self._watched = time.monotonic()
            self._with_tools(self._watch)

    def _with_tools(self, work: Callable[[WriteBackTools], T]) -> T | None:
        """None while the database is away: everything of this source rests meanwhile."""
        if self._rests.is_resting("away"):
            return None
        try:
            self._tools = self._tools or open_tools(self._context, self.source)
            result = work(self._tools)
        except _AWAY as error:
            self.close()
            self._rests.failed("away", longest=AWAY_LONGEST)
            log.warning(
                "writeback_away", extra={"source": self.source.name, "error": type(error).__name__}
            )
            return None
        self._rests.went_well("away")
        return result

    def _deliver(self, tools: WriteBackTools, target: Target) -> bool:
        try:
            carried = tools.carrier.carry(target)
        except _AGAIN:
            return False
        except _REFUSED as error:
            if _is_away(tools, error):
                raise
            self._failed(target, error)
            return False
        if carried == "foreign":
            self._found_foreign(tools, target)
        if carried in {"foreign", "busy"}:
            return False
        self._rests.went_well(target.record)
        if target.record in self._alarmed:
            alarms.settle_failed(self.source, target.record)
            self._alarmed.discard(target.record)
        return True

    def _failed(self, target: Target, error: Exception) -> None:
        tries = self._rests.failed(target.record)
        log.warning(
            "writeback_failed",
            extra={"source": self.source.name, "tries": tries, "error": type(error).__name__},
        )
        if tries >= ALARM_AFTER:
            alarms.raise_failed(self.source, target.record, target.key, _said(error))
            self._alarmed.add(target.record)

    def _found_foreign(self, tools: WriteBackTools, target: Target) -> None:
        # In the modes with sync legacy is the truth: it imports the change, and nobody is asked.
        if tools.changes is not None and self.source.mode in WRITTEN_HERE:
            events = tools.changes.note(target.record)
            if events:
                alarms.raise_foreign(self.source, target.record, target.key, events)

    def _watch(self, tools: WriteBackTools) -> None:
        if tools.changes is not None:
            alarms.watch(self.source, tools.changes)

    def _decide(self, alarm: Alarm, tools: WriteBackTools) -> None:
        try:
            settled = _carry_out(tools, alarm)
        except _AGAIN:
            return
        except _REFUSED as error:
            if _is_away(tools, error):
                raise
            self._rests.failed(("alarm", alarm.pk))
            Alarm.objects.filter(pk=alarm.pk).update(detail=_said(error))
            return
        if settled:
            Alarm.objects.filter(pk=alarm.pk).update(settled_at=timezone.now())
            self._rests.went_well(("alarm", alarm.pk))
        else:
            self._rests.failed(("alarm", alarm.pk), longest=AWAY_LONGEST)


def _carry_out(tools: WriteBackTools, alarm: Alarm) -> bool:
    """Whether the alarm is settled."""
    if not alarm.record:
        return _carry_out_truncate(tools, alarm)
    target = Target(tuple(alarm.record), alarm.key)
    if alarm.decision == Alarm.Decision.TAKE_LEGACY:
        (outcome,) = tools.importer.bring(tools.connection, [target.record], only_missing=False)
        if outcome.error is not None and outcome.what == "failed":
            raise outcome.error
        return outcome.settled
    carried = tools.carrier.carry(target, over=list(alarm.events))
    if carried == "foreign" and tools.changes is not None:
        why = _("changed in legacy again after the decision")
        alarms.ask_again(alarm, tools.changes.note(target.record), why)
    return carried in {"written", "theirs", "erased"}


def _carry_out_truncate(tools: WriteBackTools, alarm: Alarm) -> bool:
    """Ours stay as they are: what was stored here is never deleted by a TRUNCATE there."""
    if alarm.decision == Alarm.Decision.TAKE_LEGACY:
        why = _("a truncated table is not taken over; keep ours, then compare with legacy_verify")
        alarms.ask_again(alarm, alarm.events, why)
        return False
    if tools.changes is not None:
        tools.changes.remove(list(alarm.events))
    return True


def _is_away(tools: WriteBackTools, error: Exception) -> bool:
    return isinstance(error, psycopg.Error) and (tools.connection.closed or tools.connection.broken)


def _said(error: Exception) -> str:
    """Without what a statement's values were."""
    diagnosis = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return f"{type(error).__name__}: {diagnosis or str(error)}"[:500]
