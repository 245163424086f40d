"""The story of one file and of one person, from the records alone; sums only where they are quick.

Pages are read from an index, newest first; what adds up a whole story ends after its time and says
so, since a much read file has millions of records.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Max, Min, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from skold.listing.reading import TookTooLong, bounded
from skold.models import AuditRecord
from skold.models.audit import AuditQuerySet

PATIENCE = 2.0
"""Seconds for the sums of a story."""
MOST = 100
"""Lines of a sum."""

PERSON = Coalesce(KeyTextTransform("end_user", "private"), Value(""), output_field=TextField())


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody read one version of a file so often between two moments."""

    address: str
    version: str
    client: str
    person: str
    count: int
    first: dt.datetime
    last: dt.datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """A version came into being, or a delete marker."""

    version: str
    at: dt.datetime
    client: str
    person: str
    action: str
    record: str


@dataclass(frozen=True, slots=True)
class Sums:
    """What a story adds up to. `whole` is False where there was more than could be added in
    time."""

    stored: Sequence[Stored] = field(default_factory=list)
    seen: Sequence[Seen] = field(default_factory=list)
    refused: int = 0
    first: dt.datetime | None = None
    last: dt.datetime | None = None
    readers: int = 0
    whole: bool = True


def of_file(address: str) -> AuditQuerySet:
    """Every request that was about the file, allowed or refused."""
    return AuditRecord.objects.filter(kind="req", address=address)


def add_up_file(address: str) -> Sums:
    """Who stored and who read which version."""
    try:
        with bounded(PATIENCE, in_order=False):
            rows = of_file(address).order_by()
            bounds = rows.aggregate(first=Min("at"), last=Max("at"))
            seen = _seen(rows)
            return Sums(
                stored=_stored(address),
                seen=seen,
                refused=rows.filter(decision="refuse").count(),
                first=bounds["first"],
                last=bounds["last"],
                readers=len({(line.client, line.person) for line in seen}),
            )
    except TookTooLong:
        return Sums(whole=False)


def add_up_files(addresses: Sequence[str]) -> Sums:
    """Who read which of these files."""
    try:
        with bounded(PATIENCE, in_order=False):
            rows = AuditRecord.objects.filter(kind="req", address__in=addresses).order_by()
            return Sums(seen=_seen(rows))
    except TookTooLong:
        return Sums(whole=False)


def _seen(rows: QuerySet[AuditRecord]) -> list[Seen]:
    lines = (
        rows.filter(action="read", decision="allow", version__isnull=False)
        .annotate(person=PERSON)
        .values("address", "version", "client", "person")
        .annotate(count=Count("leaf_index"), first=Min("at"), last=Max("at"))
        .order_by("-last")
        .values_list("address", "version", "client", "person", "count", "first", "last")[:MOST]
    )
    return [
        Seen(address or "", version or "", client or "", person, count, first, last)
        for address, version, client, person, count, first, last in lines
    ]


def _stored(address: str) -> list[Stored]:
    """Ends of writes, with the person of their request."""
    ends = list(
        AuditRecord.objects.filter(
            kind="done", address=address, action__in=("write", "commit", "delete"), status__lt=400
        )
        .exclude(version__isnull=True)
        .defer("body")
        .order_by("-at")[:MOST]
    )
    asked = {}
    if ends:
        requests = of_file(address).filter(action__in=("write", "commit", "delete"))
        asked = {(row.writer, row.n): row for row in requests.defer("body")[: 4 * MOST]}
    told = []
    for end in ends:
        request = asked.get((end.writer, end.ref or -1))
        person = str(request.private.get("end_user", "")) if request is not None else ""
        told.append(
            Stored(end.version or "", end.at, end.client or "", person, end.action or "", end.pk)
        )
    return told
