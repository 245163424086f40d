"""What beat has done. Every task looks first and may run twice: the disk is the queue, not the
broker.
"""

import datetime as dt

from celery import shared_task
from django.conf import settings
from django.core.management import call_command

from contentserver.operations import archiving, expiring
from contentserver.operations.opening import request_next_year
from contentserver.operations.verification import verify_if_due

ACTOR = "beat"


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def open_next_year() -> str:
    """In December ask the bridge to open the next year, so that its first second finds it open."""
    return request_next_year(actor=ACTOR, today=dt.datetime.now(settings.CONFIG.time_zone).date())


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def expire_uploads() -> str:
    """Commit what was to commit itself, then remove uploads and receipts past their time."""
    done = expiring.expire_due(settings.CONFIG, actor=ACTOR)
    return f"recovered {done.recovered}, expired {done.expired}"


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def clear_sessions() -> None:
    """Drop sessions of the admin that have ended."""
    call_command("clearsessions")


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def mark_due_months() -> list[str]:
    """Say which months of the audit are due. Whoever holds the archiver's user puts them away."""
    return archiving.mark_due_months(settings.CONFIG, dt.datetime.now(dt.UTC))


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def verify_audit() -> str:
    """Verify the ledger where that is due, for some minutes; the next run goes on."""
    return verify_if_due(settings.CONFIG, dt.datetime.now(dt.UTC))
