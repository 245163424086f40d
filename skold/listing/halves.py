"""An access has two records: a page of one kind gets the other halves with it."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from skold.models import AuditRecord

# For each place one month is looked at, wherever the page's rows lie.
FETCH = """
SELECT {columns}
FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
     AS place (writer, number, first, last)
CROSS JOIN LATERAL (
    SELECT * FROM skold_audit_view AS half
    WHERE half.kind = %s AND half.writer = place.writer AND half.{field} = place.number
      AND half.at >= place.first AND half.at <= place.last
) AS half
"""
_COLUMNS = ", ".join(f"half.{f.column}" for f in AuditRecord._meta.fields if f.name != "body")

Place = tuple[str, int]
NEAR = dt.timedelta(hours=1)
"""The other half of nearly every access lies so near. Only what is not found there is looked for
in all months."""
ALWAYS = dt.timedelta(days=3650)


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
    moments = [row.at for row in places.values()]
    firsts, lasts = moments, [at + (within or ALWAYS) for at in moments]
    if kind == "req":
        firsts, lasts = [at - (within or ALWAYS) for at in moments], moments
    writers, numbers = zip(*places, strict=True)
    sql = FETCH.format(columns=_COLUMNS, field=field)
    found = AuditRecord.objects.raw(sql, [list(writers), list(numbers), firsts, lasts, kind])
    return {(row.writer, getattr(row, field)): row for row in found}
