"""Alarms: what only a person can decide. Raised once, up to date until decided, then settled."""

from collections.abc import Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from migrator.legacy.changes import ChangeLog
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import BadKey
from migrator.legacy.keys import key_of
from migrator.models import Alarm, Source

WATCHED = 1000
"""Records with a change that are looked at in one round; further ones when these are settled."""

_ALL: RecordId = ()


def watch(source: Source, changes: ChangeLog) -> None:
    """Raise an alarm for each record that others have changed in legacy, and one for a TRUNCATE.

    An alarm that nobody has decided yet takes up further changes of its record; after a decision
    they make another one. Raises psycopg.Error, django.db.Error.
    """
    description = Description.from_mapping(source.description)
    found = {_ALL: events} if (events := changes.note_all()) else {}
    found |= changes.note_batch(WATCHED)
    for record, numbers in found.items():
        raise_foreign(source, record, _key(description, record), numbers)


def raise_foreign(source: Source, record: RecordId, key: str, events: Sequence[int]) -> None:
    """The alarm of a record that somebody else has changed."""
    text = _("changed in legacy %(count)d times") % {"count": len(events)}
    detail = text if record else _("the table was truncated in legacy")
    _raise(source, Alarm.Kind.FOREIGN_CHANGE, record, key, detail, events)


def raise_failed(source: Source, record: RecordId, key: str, error: str) -> None:
    """The alarm of a record that could not be written back, several times."""
    _raise(source, Alarm.Kind.WRITE_BACK_FAILED, record, key, error, ())


def failed_records(source: Source) -> set[RecordId]:
    """Those with an open alarm of this kind."""
    failed = Alarm.objects.filter(source=source, kind=Alarm.Kind.WRITE_BACK_FAILED, settled_at=None)
    return {tuple(record) for record in failed.values_list("record", flat=True)}


def settle_failed(source: Source, record: RecordId) -> None:
    """It could be written after all."""
    failed = Alarm.objects.filter(
        source=source, kind=Alarm.Kind.WRITE_BACK_FAILED, record=list(record), settled_at=None
    )
    failed.update(settled_at=timezone.now())


def ask_again(alarm: Alarm, events: Sequence[int], why: str) -> None:
    """The decision cannot be carried out, or was about another state."""
    Alarm.objects.filter(pk=alarm.pk, settled_at=None).update(
        decision="",
        decided_at=None,
        decided_by="",
        events=list(events),
        detail=why[:500],
    )


def _raise(  # noqa: PLR0917 - the facts of one alarm
    source: Source, kind: str, record: RecordId, key: str, detail: str, events: Sequence[int]
) -> None:
    open_alarm = {"source": source, "kind": kind, "record": list(record), "settled_at": None}
    facts = {"key": key[:512], "detail": detail[:500], "events": list(events)}
    alarm, made = Alarm.objects.get_or_create(**open_alarm, defaults=facts)
    if not made and not alarm.decision and alarm.events != facts["events"]:
        Alarm.objects.filter(pk=alarm.pk, decision="").update(**facts)


def _key(description: Description, record: RecordId) -> str:
    try:
        return key_of(description, record) if record else ""
    except BadKey:
        return ""
