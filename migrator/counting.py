"""Reads that legacy had a part in, counted by day from the audit, each record exactly once.

Rows of a node arrive in `skold_audit` in the order of their leaves and together with the ledger's
mark, so counting leaf by leaf up to that mark misses nothing that commits late. Figures and this
counter's own mark move in one transaction.
"""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from contentserver.catalog.models import File
from migrator.legacy.description import Description
from migrator.legacy.keys import record_of
from migrator.models import AuditMark, DailyReads, Difference, Source
from skold.models import LedgerMark

INTERVAL = 10.0
LIMIT = 100_000
"""Leaves of a transaction."""
READ = ("from_legacy", "imported", "unchecked")
"""Outcomes of reads, as in `DailyReads`."""

# What an importer writes has outcome "imported" too; it is nobody's read.
COUNT = """
SELECT resource, (at AT TIME ZONE 'UTC')::date, action IS NOT DISTINCT FROM 'compare', outcome,
       count(*)
FROM skold_audit
WHERE node = %s AND leaf_index >= %s AND leaf_index < %s AND kind = 'done'
  AND resource = ANY(%s) AND plane IS DISTINCT FROM 'migrator'
GROUP BY 1, 2, 3, 4
"""
DIFFERENT = """
SELECT resource, address, min(at)
FROM skold_audit
WHERE node = %s AND leaf_index >= %s AND leaf_index < %s AND kind = 'done'
  AND resource = ANY(%s) AND action = 'compare' AND outcome = 'different' AND address IS NOT NULL
GROUP BY 1, 2
"""


class Counter:
    """Counts what came since the last step, of all nodes."""

    def step(self) -> bool:
        """True if there is more right now. Raises django.db.Error."""
        sources = {source.name: source for source in Source.objects.all()}
        nodes = list(LedgerMark.objects.values_list("node", flat=True))
        more = [_count_node(node, sources) for node in nodes]
        return any(more)


@transaction.atomic
def _count_node(node: str, sources: dict[str, Source]) -> bool:
    AuditMark.objects.get_or_create(node=node)
    mark = AuditMark.objects.select_for_update().get(node=node)
    # After the lock: what another counter has just counted is not counted again.
    leaves = LedgerMark.objects.values_list("next_leaf", flat=True).get(node=node)
    if leaves <= mark.next_leaf:
        return False
    end = min(leaves, mark.next_leaf + LIMIT) if sources else leaves
    if sources:
        leaf_range = (node, mark.next_leaf, end, list(sources))
        for name, day, compared, outcome, count in _rows(COUNT, leaf_range):
            _add(sources[name], day, _figures(outcome, count, compared=compared))
        _list_differences(sources, _rows(DIFFERENT, leaf_range))
    mark.next_leaf = end
    mark.save()
    return end < leaves


def _figures(outcome: str | None, count: int, *, compared: bool) -> dict[str, int]:
    if not compared:
        return {outcome: count} if outcome in READ else {}
    if outcome == "different":
        return {"compared": count, "different": count}
    # Pending or unavailable: nothing was compared.
    return {"compared": count} if outcome == "same" else {}


def _add(source: Source, day: date, figures: dict[str, int]) -> None:
    if not figures:
        return
    row, _made = DailyReads.objects.get_or_create(source=source, day=day)
    DailyReads.objects.filter(pk=row.pk).update(
        **{name: F(name) + count for name, count in figures.items()}
    )


def _list_differences(sources: dict[str, Source], rows: Sequence[tuple[Any, ...]]) -> None:
    """One open row for each file; the audit holds each time it was seen."""
    ids = {address: _uuid(address) for _name, address, _at in rows}
    keys = dict(
        File.objects.filter(pk__in=[found for found in ids.values() if found]).values_list(
            "pk", "key"
        )
    )
    for name, address, at in rows:
        found = ids[address]
        key = keys.get(found, "") if found else ""
        detail = f"shadow: {address}, first at {at:%Y-%m-%dT%H:%M:%SZ}"
        facts = {"source": sources[name], "verification": None, "resolved_at": None}
        if Difference.objects.filter(**facts, detail__startswith=f"shadow: {address},").exists():
            continue
        Difference.objects.create(
            **facts,
            key=key,
            record=list(_record(sources[name], key)),
            kind=Difference.Kind.DIFFERENT,
            detail=detail,
        )


def _record(source: Source, key: str) -> tuple[str, ...]:
    found = record_of(Description.from_mapping(source.description), key) if key else None
    return found or ()


def _uuid(address: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(hex=address)
    except ValueError:
        return None


def _rows(sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
