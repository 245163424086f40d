"""A client that was let in from a network it never came from, once its own are known."""

import datetime as dt

from django.db.models import Min

from skold.models import KnownNetwork
from skold.review.findings import note_finding
from skold.review.span import Span


def judge_addresses(span: Span) -> None:
    """Networks first seen in the span, of clients whose first access lies long enough ago."""
    learning = dt.timedelta(days=span.thresholds.learning_days)
    new = list(KnownNetwork.objects.filter(first_at__gte=span.first_at, first_at__lte=span.last_at))
    begun = dict(
        KnownNetwork.objects.filter(client__in={row.client for row in new})
        .values("client")
        .annotate(begun=Min("first_at"))
        .values_list("client", "begun")
    )
    for row in new:
        if row.first_at - begun[row.client] >= learning:
            _note(span, row)


def _note(span: Span, row: KnownNetwork) -> None:
    note_finding(
        rule="new_address",
        key=f"new_address:{row.pk}",
        severity="notice",
        since=row.first_at,
        until=row.last_at,
        count=1,
        client=row.client,
        node=span.node,
        facts={"known_network": row.pk, "days": span.thresholds.learning_days},
    )
