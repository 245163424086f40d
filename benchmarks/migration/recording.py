"""A connection that remembers what was executed on it, and how PostgreSQL goes about that."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading of a table in a plan. `kind` is PostgreSQL's word, `Limit: Seq Scan` where a
    limit ends it.
    """

    table: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.table}"


class _Cursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        text = query if isinstance(query, str) else bytes(query).decode()
        if text.lstrip().upper().startswith(("SELECT", "DELETE", "WITH")):
            assert isinstance(self.connection, Recording)
            self.connection.executed[text] = params
        return super().execute(query, params, **options)


class Recording(psycopg.Connection[Any]):
    """Use it like any other; `scans` asks for the plans of what it executed since `forget`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.executed: dict[str, Any] = {}
        self.cursor_factory = _Cursor

    def forget(self) -> None:
        self.executed.clear()

    def scans(self, tables: set[str]) -> list[Scan]:
        """How each statement reads these tables."""
        found = []
        for text, params in list(self.executed.items()):
            with psycopg.Cursor(self) as cursor:
                row = cursor.execute(f"EXPLAIN (FORMAT JSON) {text}", params).fetchone()
            assert row is not None
            plans = row[0] if isinstance(row[0], list) else json.loads(row[0])
            found += [s for plan in plans for s in _scans(plan["Plan"], "") if s.table in tables]
        return found


def _scans(plan: dict[str, Any], above: str) -> Iterator[Scan]:
    kind = plan["Node Type"]
    if "Relation Name" in plan:
        limited = kind == "Seq Scan" and above == "Limit"
        yield Scan(plan["Relation Name"], f"Limit: {kind}" if limited else kind)
    for part in plan.get("Plans", ()):
        yield from _scans(part, kind)
