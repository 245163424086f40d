"""How far a source is, in numbers and in words. The page asks for it again each two seconds."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from contentserver.admin.words import size
from migrator.models import Alarm, RecordError, Source
from migrator.sync.conductor import RUNS_IN

COUNTED = 10_000
"""Rows counted at most: more of them need no exact number."""
HELD = 10.0
"""Seconds below which an open transaction is nothing but somebody at work."""
SILENT = 120
"""Seconds without a sign of the sync after which somebody should look."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was there when the page asked last, to tell the speed of now."""

    at: float
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its name and a word of explanation. `id` is where a script puts the next."""

    id: str
    name: str
    value: str
    words: str = ""


def percent(source: Source) -> int:
    """0 to 100; 100 only when every legacy record was looked at once."""
    if source.backfill_finished_at:
        return 100
    if not source.records_estimated:
        return 0
    return min(99, 100 * source.backfill_records // source.records_estimated)


def figures(source: Source, before: Sample | None = None) -> list[Figure]:
    """What stands under the bar."""
    files, amount = _speed(source, before)
    return [
        Figure("looked", _("Records looked at"), grouped(source.backfill_records), _of(source)),
        Figure("files", _("Files imported"), grouped(source.files_imported), files),
        Figure("bytes", _("Bytes imported"), size(source.bytes_imported), amount),
        Figure("backlog", _("Changes waiting"), grouped(source.backlog), lag(source)),
        Figure("failed", _("Records that failed"), _failed(source), _("each with its error below")),
        Figure("seen", _("Sync last ran"), _ago(source.sync_seen_at), _state(source)),
    ]


def lag(source: Source) -> str:
    """The age of the oldest change that is not on disk yet."""
    if source.oldest_change_at is None:
        return _("nothing waits")
    return _("oldest: %(age)s") % {"age": duration(timezone.now() - source.oldest_change_at)}


def as_json(source: Source, before: Sample | None) -> dict[str, Any]:
    """What the script shows, in the words of the page."""
    return {
        "percent": percent(source),
        "finished": source.backfill_finished_at is not None,
        "headline": headline(source),
        "held": held_back(source),
        "figures": {each.id: [each.value, each.words] for each in figures(source, before)},
        "sample": {
            "at": timezone.now().timestamp(),
            "files": source.files_imported,
            "bytes": source.bytes_imported,
        },
    }


def headline(source: Source) -> str:
    """One sentence above the bar."""
    if source.mode == Source.Mode.WRITEBACK:
        return _("Stored here. Each new version is written back into legacy as well.")
    if source.mode == Source.Mode.DISK:
        return _("Stored here alone; legacy is not needed any more.")
    if source.backfill_finished_at and source.sync_enabled:
        return _("Every legacy record was looked at. Sync carries what changes.")
    if not source.sync_enabled:
        return _("Paused. Changes in legacy are kept until it goes on.")
    if source.backfill_started_at is None:
        return _("The backfill has not begun.")
    left = _left(source)
    return _("About %(time)s left.") % {"time": duration(left)} if left else _("Under way.")


def held_back(source: Source) -> str:
    """Who keeps changes from being read, if that lasts; empty for nobody."""
    holder = holder_in_words(source)
    if not holder or age_of_holder(source) < HELD:
        return ""
    words = _(
        "A transaction in legacy is open: %(holder)s. Until it ends nobody can say what it will "
        "have changed; a cut-over waits for it."
    )
    return words % {"holder": holder}


def holder_in_words(source: Source) -> str:
    """Who holds back, as the sync saw it last; empty for nobody."""
    holder = source.held_back_by
    if not holder:
        return ""
    age = duration(dt.timedelta(seconds=age_of_holder(source)))
    name = holder.get("application") or _("without a name")
    if holder.get("gid"):
        return _("prepared transaction %(gid)s, %(age)s old") % {"gid": holder["gid"], "age": age}
    facts = {"name": name, "pid": holder.get("pid"), "age": age}
    return _("%(name)s, process %(pid)s, %(age)s old") % facts


def age_of_holder(source: Source) -> float:
    """In seconds."""
    return float((source.held_back_by or {}).get("age") or 0)


def duration(span: dt.timedelta) -> str:
    """`40 s`, `12 min`, `3.5 h`, `2.1 d`."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 120:
        return _("%(count)d s") % {"count": seconds}
    if seconds < 7200:
        return _("%(count)d min") % {"count": seconds / 60}
    if seconds < 172_800:
        return _("%(count).1f h") % {"count": seconds / 3600}
    return _("%(count).1f d") % {"count": seconds / 86_400}


def _speed(source: Source, before: Sample | None) -> tuple[str, str]:
    """Since the last look; since the backfill began where nobody looked."""
    now = timezone.now()
    if before is not None:
        span = now.timestamp() - before.at
        files, amount = source.files_imported - before.files, source.bytes_imported - before.bytes
    elif source.backfill_started_at and not source.backfill_finished_at:
        span = (now - source.backfill_started_at).total_seconds()
        files, amount = source.files_imported, source.bytes_imported
    else:
        return "", ""
    if span <= 0:
        return "", ""
    return (
        _("%(count)s a second") % {"count": number_format(max(0, files) / span, 1)},
        _("%(size)s a second") % {"size": size(max(0, round(amount / span)))},
    )


def _left(source: Source) -> dt.timedelta | None:
    if source.backfill_started_at is None or not source.backfill_records:
        return None
    spent = timezone.now() - source.backfill_started_at
    rest = max(0, source.records_estimated - source.backfill_records)
    return spent * (rest / source.backfill_records)


def _failed(source: Source) -> str:
    return bounded(RecordError.objects.filter(source=source))


def is_synchronised(source: Source) -> bool:
    """Whether the mode is one in which changes come from legacy."""
    return source.mode in RUNS_IN


def open_alarms(source: Source) -> int:
    return Alarm.objects.filter(source=source, settled_at=None)[: COUNTED + 1].count()


def bounded(rows: Any) -> str:
    """Their number, never by walking more than COUNTED of them."""
    found = rows[: COUNTED + 1].count()
    shown = grouped(min(found, COUNTED))
    return _("more than %(count)s") % {"count": shown} if found > COUNTED else shown


def _of(source: Source) -> str:
    return _("of about %(count)s") % {"count": grouped(source.records_estimated)}


def _ago(moment: dt.datetime | None) -> str:
    if moment is None:
        return _("never")
    return _("%(age)s ago") % {"age": duration(timezone.now() - moment)}


def _state(source: Source) -> str:
    if not is_synchronised(source):
        return _("not needed in this mode")
    if not source.sync_enabled:
        return _("it is paused")
    seen = source.sync_seen_at
    if seen is None or (timezone.now() - seen).total_seconds() > SILENT:
        return _("is the worker running?")
    return _("it is on")


def grouped(number: int) -> str:
    """With separators of thousands."""
    return number_format(number, force_grouping=True)
