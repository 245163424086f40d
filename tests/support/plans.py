"""How PostgreSQL reads the audit for what was executed: rows that were looked at, sorts, scans."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction


@dataclass(frozen=True, slots=True)
class Reading:
    """One statement. `looked_at` rows of the table were read, those thrown away included; `nodes`
    are the kinds of step of its plan.
    """

    sql: str
    looked_at: int
    nodes: frozenset[str]

    @property
    def sorted_whole(self) -> bool:
        """Whether all that matches was sorted."""
        return "Sort" in self.nodes


def readings(queries: Sequence[dict[str, str]]) -> list[Reading]:
    """Each page that was read of the audit, executed again under the settings it had."""
    found, settings = [], ""
    for query in queries:
        sql = query["sql"]
        if "set_config" in sql:
            settings = sql
        elif "skold_audit_view" in sql and "ORDER BY" in sql:
            found.append(_read_again(sql, settings))
        elif sql.startswith(("COMMIT", "RELEASE")):
            settings = ""
    return found


def _read_again(sql: str, settings: str) -> Reading:
    with transaction.atomic(), connection.cursor() as cursor:
        if settings:
            cursor.execute(settings)
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        (given,) = cursor.fetchone()
        transaction.set_rollback(True)
    plan = (given if isinstance(given, list) else json.loads(given))[0]["Plan"]
    steps = list(_steps(plan))
    looked_at = sum(_looked_at(step) for step in steps if "Relation Name" in step)
    return Reading(sql, looked_at, frozenset(step["Node Type"] for step in steps))


def _looked_at(step: dict[str, Any]) -> int:
    """Of a bitmap, what it names; of an index, what it was asked for."""
    rows = step["Actual Rows"] + step.get("Rows Removed by Filter", 0)
    rows += step.get("Rows Removed by Index Recheck", 0)
    return round(rows * step["Actual Loops"])


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _steps(part)
