"""A client far above its own usual hour.

Usual is the 95th percentile (nearest rank) of the hours in which the client was active, of the days
before. It is judged only after enough of these, and never at small numbers: a client that asks
3 times an hour and now 40 times is no burst. Hours come from AuditHour, so a running hour is judged
by what it holds already, which can only grow.
"""

import datetime as dt
import math
from collections.abc import Sequence

from django.db.models import Sum

from skold.models import AuditHour
from skold.review.findings import note_finding
from skold.review.span import Span

HOUR = dt.timedelta(hours=1)


def judge_bursts(span: Span) -> None:
    """Every hour that the span's records lie in."""
    limits = span.thresholds
    first, last = _hour(span.first_at), _hour(span.last_at)
    loud = (
        AuditHour.objects.filter(hour__gte=first, hour__lte=last)
        .exclude(client="")
        .values("client", "hour")
        .annotate(total=Sum("count"))
        .filter(total__gte=limits.burst_minimum)
    )
    for row in loud.order_by("hour", "client"):
        usual = _usual(row["client"], row["hour"], limits.burst_days, limits.burst_hours)
        if usual is not None and row["total"] > limits.burst_factor * usual:
            _note(span, row["client"], row["hour"], row["total"], usual)


def percentile_95(counts: Sequence[int]) -> int:
    """By nearest rank: a value that was there."""
    ordered = sorted(counts)
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def _usual(client: str, hour: dt.datetime, days: int, hours: int) -> int | None:
    """None while too little is known of the client."""
    since = hour - dt.timedelta(days=days)
    sums = (
        AuditHour.objects.filter(client=client, hour__gte=since, hour__lt=hour)
        .values("hour")
        .annotate(total=Sum("count"))
        .values_list("total", flat=True)
    )
    counts = list(sums)
    return percentile_95(counts) if len(counts) >= hours else None


def _note(span: Span, client: str, hour: dt.datetime, total: int, usual: int) -> None:
    note_finding(
        rule="burst",
        key=f"burst:{client}:{hour:%Y%m%dT%H}",
        severity="warning",
        since=hour,
        until=hour + HOUR,
        count=total,
        client=client,
        facts={
            "usual": usual,
            "factor": span.thresholds.burst_factor,
            "days": span.thresholds.burst_days,
        },
    )


def _hour(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
