"""An access has two records: a page of one kind gets the other halves with it."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q

from skold.models import AuditRecord

Place = tuple[str, int]
NEAR = dt.timedelta(hours=1)
"""The other half of nearly every access lies so near. Only what is not found there is looked for
in all months."""


def join_halves(rows: Iterable[AuditRecord]) -> None:
    """Give each row `request` and `end`: itself and its other half, None where there is none
    yet."""
    requests = {(row.writer, row.n): row for row in rows if row.kind == "req"}
    ends = {
        (row.writer, row.ref): row for row in rows if row.kind == "done" and row.ref is not None
    }
    found_ends = _find("done", "ref", requests)
    found_requests = _find("req", "n", ends)
    for row in rows:
        given: Any = row
        given.request = row if row.kind == "req" else found_requests.get((row.writer, row.ref or 0))
        given.end = row if row.kind == "done" else found_ends.get((row.writer, row.n))


def _find(kind: str, field: str, places: Mapping[Place, AuditRecord]) -> dict[Place, AuditRecord]:
    found = _fetch(kind, field, places, NEAR)
    left = {place: row for place, row in places.items() if place not in found}
    return {**found, **_fetch(kind, field, left, None)}


def _fetch(
    kind: str, field: str, places: Mapping[Place, AuditRecord], within: dt.timedelta | None
) -> dict[Place, AuditRecord]:
    """The records of a kind whose `field` continues one of `places` (writer, number): an end comes
    behind its request, `within` a time of it.
    """
    if not places:
        return {}
    numbers: dict[str, list[int]] = {}
    for writer, number in places:
        numbers.setdefault(writer, []).append(number)
    wanted = Q()
    for writer, given in numbers.items():
        wanted |= Q(writer=writer, **{f"{field}__in": given})
    earliest = min(row.at for row in places.values())
    latest = max(row.at for row in places.values())
    later = kind == "done"
    bound = Q(at__gte=earliest) if later else Q(at__lte=latest)
    if within is not None:
        bound &= Q(at__lte=latest + within) if later else Q(at__gte=earliest - within)
    rows = AuditRecord.objects.filter(wanted, bound, kind=kind).defer("body").order_by()
    return {(row.writer, getattr(row, field)): row for row in rows}
