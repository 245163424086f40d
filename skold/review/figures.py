"""Numbers of the audit for its overview: from the sums, and where they do not tell, within a time.

Every query is bounded: by hours of sums, or by a time after which less is counted.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import TruncDay, TruncHour, TruncMonth
from django.utils import timezone

from skold.listing.reading import TookTooLong, bounded
from skold.models import AuditHour, AuditRecord

TOP = 10
PATIENCE = 1.5
"""Seconds for one try to count files."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A stretch of time in equal pieces, the last of which is running."""

    name: str
    pieces: int
    trunc: type[TruncHour] | type[TruncDay] | type[TruncMonth]


SCALES = {
    scale.name: scale
    for scale in (
        Scale("24h", 24, TruncHour),
        Scale("30d", 30, TruncDay),
        Scale("12m", 12, TruncMonth),
    )
}


@dataclass(frozen=True, slots=True)
class Point:
    """Accesses of a piece of time, in the institution's time zone."""

    at: dt.datetime
    allowed: int
    refused: int

    @property
    def total(self) -> int:
        return self.allowed + self.refused


@dataclass(frozen=True, slots=True)
class Row:
    """A client or a file, with what it asked or was asked."""

    name: str
    count: int
    refused: int = 0
    bytes: int = 0
    last: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """The files that were asked for most since a moment; none where even minutes were too many."""

    since: dt.datetime | None
    rows: Sequence[Row]


def series(scale: Scale, now: dt.datetime) -> list[Point]:
    """The pieces from left to right, those without accesses too."""
    starts = _starts(scale, timezone.localtime(now))
    summed = (
        AuditHour.objects.filter(hour__gte=starts[0])
        .annotate(piece=scale.trunc("hour"))
        .values("piece")
        .annotate(
            allowed=Sum("count", filter=~Q(decision="refuse"), default=0),
            refused=Sum("count", filter=Q(decision="refuse"), default=0),
        )
    )
    found = {row["piece"]: row for row in summed}
    none = {"allowed": 0, "refused": 0}
    told = [(start, found.get(start, none)) for start in starts]
    return [Point(start, row["allowed"], row["refused"]) for start, row in told]


def top_clients(since: dt.datetime) -> list[Row]:
    """By accesses; what no client asked is left out."""
    rows = (
        AuditHour.objects.filter(hour__gte=since)
        .exclude(client="")
        .values("client")
        .annotate(
            total=Sum("count"),
            refused=Sum("count", filter=Q(decision="refuse"), default=0),
            sent=Sum("bytes"),
        )
        .order_by("-total", "client")[:TOP]
    )
    return [Row(row["client"], row["total"], row["refused"], row["sent"]) for row in rows]


def top_files(since: dt.datetime, now: dt.datetime) -> Files:
    """By reads. Where these are too many to be counted, of a shorter time, which it says."""
    tries = [since, now - dt.timedelta(hours=1), now - dt.timedelta(minutes=5)]
    for start in tries:
        try:
            with bounded(PATIENCE, in_order=False):
                return Files(start, _count_files(start))
        except TookTooLong:
            continue
    return Files(None, [])


def _count_files(since: dt.datetime) -> list[Row]:
    rows = (
        AuditRecord.objects.filter(
            kind="req", action="read", decision="allow", at__gte=since, address__isnull=False
        )
        .order_by()
        .values("address")
        .annotate(total=Count("leaf_index"), last=Max("at"))
        .order_by("-total", "address")[:TOP]
    )
    return [Row(str(row["address"]), row["total"], last=row["last"]) for row in rows]


def _starts(scale: Scale, now: dt.datetime) -> list[dt.datetime]:
    """Where the pieces begin. Days and months are the clock's, whatever summer time does."""
    back = range(scale.pieces - 1, -1, -1)
    if scale.trunc is TruncHour:
        this = now.replace(minute=0, second=0, microsecond=0)
        starts = [this.astimezone(dt.UTC) - dt.timedelta(hours=number) for number in back]
        return [timezone.localtime(start) for start in starts]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if scale.trunc is TruncDay:
        dates = [midnight.date() - dt.timedelta(days=n) for n in range(scale.pieces - 1, -1, -1)]
    else:
        months = [
            midnight.year * 12 + midnight.month - 1 - n for n in range(scale.pieces - 1, -1, -1)
        ]
        dates = [dt.date(month // 12, month % 12 + 1, 1) for month in months]
    return [timezone.make_aware(dt.datetime.combine(date, dt.time.min)) for date in dates]
