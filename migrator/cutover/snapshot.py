"""The facts of one source at this moment, from both databases and the outboxes."""

from datetime import datetime, timedelta

from django.db.models import Max, QuerySet, Sum
from django.utils import timezone

from contentserver.catalog.models import File
from contentserver.store.imports import ACTOR
from contentserver.store.store import Store
from migrator.cutover.facts import Facts, Limits, Verified
from migrator.cutover.legacy_facts import LegacyFacts
from migrator.legacy.description import Description
from migrator.legacy.keys import record_of
from migrator.models import Application, DailyReads, Source, Verification
from migrator.writeback.waiting import count_waiting


def take_snapshot(
    source: Source,
    limits: Limits,
    *,
    store: Store | None,
    legacy: LegacyFacts,
) -> Facts:
    """Without a store what is on its way into legacy counts as nothing. Raises django.db.Error,
    StoreError.
    """
    now = timezone.now()
    description = Description.from_mapping(source.description)
    compared, different = _shadow(source, now, limits)
    writers = source.applications.filter(writes=True)
    readers = source.applications.filter(reads=True)
    return Facts(
        now=now,
        mode=source.mode,
        final=source.final,
        captured=is_captured(source),
        triggers_missing=legacy.triggers_missing,
        check_errors=legacy.check_errors,
        backfill_finished_at=source.backfill_finished_at,
        backlog=legacy.backlog,
        backlog_before=legacy.backlog_before,
        horizon=legacy.horizon,
        held_back_by=legacy.held_back_by,
        verified=_verified(source),
        record_errors=source.errors.count(),
        shadow_compared=compared,
        shadow_different=different,
        writers_declared=writers.count(),
        writers=_not_switched(writers),
        readers_declared=readers.count(),
        readers=_not_switched(readers),
        switched_at=writers.aggregate(last=Max("switched_at"))["last"],
        waiting=count_waiting(store, source) if store else 0,
        recent_writes=_recent_writes(description, now - limits.quiet),
        alarms=source.alarms.filter(settled_at=None).count(),
    )


def is_captured(source: Source) -> bool:
    """Whether triggers see everything that can change a file. Writing to a large object fires
    none, so such a source counts as not captured.
    """
    kind = source.description["content"]["kind"]
    return source.capture == Source.Capture.TRIGGERS and kind != "large_object"


def _verified(source: Source) -> Verified | None:
    ended = Verification.objects.filter(source=source, finished_at__isnull=False)
    last = ended.order_by("-finished_at").first()
    if last is None or last.finished_at is None:
        return None
    return Verified(
        number=last.pk,
        started_at=last.started_at,
        finished_at=last.finished_at,
        compared=last.compared,
        compared_bytes=last.compared_bytes,
        equal=last.equal,
        differences=last.differences.filter(resolved_at=None).count(),
        digest=last.digest,
    )


def _shadow(source: Source, now: datetime, limits: Limits) -> tuple[int, int]:
    days = DailyReads.objects.filter(
        source=source, day__gt=(now - timedelta(days=limits.shadow_days)).date()
    )
    sums = days.aggregate(compared=Sum("compared"), different=Sum("different"))
    return sums["compared"] or 0, sums["different"] or 0


def _not_switched(applications: "QuerySet[Application]") -> tuple[str, ...]:
    waiting = applications.filter(switched_at=None).order_by("name")
    return tuple(waiting.values_list("name", flat=True))


def _recent_writes(description: Description, since: datetime) -> int:
    """Files of the source whose latest version was stored here since, by others than importers."""
    recent = File.objects.filter(collection=description.collection, committed_at__gte=since)
    keys = recent.exclude(created_by=ACTOR).values_list("key", flat=True)
    return sum(record_of(description, key) is not None for key in keys.iterator())
