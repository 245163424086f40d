"""What of the audit waits for a person: months that are due, redactions not approved yet."""

import datetime as dt
import logging
from collections.abc import Iterator

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contentserver.conf import Config
from contentserver.looks import Look
from skold.archive.months import PARTITIONS, due_months, first_kept
from skold.models import Redaction

log = logging.getLogger(__name__)


def months_due(config: Config, now: dt.datetime) -> list[str]:
    """The months (`2025-11`) that stand in PostgreSQL for longer than AUDIT_RETENTION_MONTHS; none
    where that is 0."""
    if not config.audit_retention_months:
        return []
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS)
        months = sorted(name.replace("_", "-") for (name,) in cursor.fetchall() if name)
    return due_months(months, first_kept(now, config.audit_retention_months))


def mark_due_months(config: Config, now: dt.datetime) -> list[str]:
    """Say in the log what is due: the worker may not put it away itself."""
    months = months_due(config, now)
    if months:
        log.warning("audit_months_due", extra={"months": months, "command": "archive_audit"})
    return months


class Finder:
    """What a person who may see it is told on the admin's first page."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def __call__(self, request: HttpRequest) -> Iterator[Look]:
        if request.user.has_perm("skold.view_archivedmonth"):
            months = months_due(self._config, dt.datetime.now(dt.UTC))
            if months:
                said = _("Months of the audit are due: %(first)s to %(last)s. Run archive_audit.")
                url = reverse("admin:skold_archivedmonth_changelist")
                yield Look(said % {"first": months[0], "last": months[-1]}, url)
        if request.user.has_perm("skold.approve_redaction"):
            waiting = Redaction.objects.filter(state=Redaction.State.ASKED).count()
            if waiting:
                url = reverse("admin:skold_redaction_changelist")
                said = ngettext(
                    "%(n)d redaction waits for a second person.",
                    "%(n)d redactions wait for a second person.",
                    waiting,
                )
                yield Look(said % {"n": waiting}, url)
