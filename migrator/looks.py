"""Which sources need a person now, for the admin's first page."""

import datetime as dt
from collections.abc import Iterator

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from contentserver.looks import Look
from migrator.models import Alarm, Source

SILENT = dt.timedelta(minutes=5)
LATE = dt.timedelta(minutes=15)
HELD = 15 * 60  # seconds


def find_looks(request: HttpRequest) -> Iterator[Look]:
    """One sentence for each source and trouble, the worst first."""
    if not request.user.has_perm("migrator.view_source"):
        return
    now = timezone.now()
    for source in Source.objects.order_by("name"):
        url = reverse("admin:migrator_source_change", args=[source.pk])
        for words in troubles(source, now):
            yield Look(f"{source.name}: {words}", url)


def troubles(source: Source, now: dt.datetime) -> Iterator[str]:
    """What is wrong with one source, in words."""
    alarms = source.alarms.filter(settled_at=None, decision="")
    if alarms.filter(kind=Alarm.Kind.FOREIGN_CHANGE).exists():
        yield _("an alarm waits for a decision")
    if alarms.filter(kind=Alarm.Kind.WRITE_BACK_FAILED).exists():
        yield _("files cannot be written back into legacy")
    if source.differences.filter(resolved_at=None).exists():
        yield _("legacy and disk differ")
    if source.errors.exists():
        yield _("legacy records cannot be imported")
    if source.last_error:
        yield source.last_error
    if source.sync_enabled and now - (source.sync_seen_at or source.created_at) > SILENT:
        yield _("the sync gives no sign; is the worker running?")
    if source.oldest_change_at and now - source.oldest_change_at > LATE:
        yield _("changes in legacy wait for longer than 15 minutes")
    if float((source.held_back_by or {}).get("age") or 0) > HELD:
        yield _("a transaction in legacy is open for longer than 15 minutes")
