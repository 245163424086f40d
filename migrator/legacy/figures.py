"""What all records say together: asked for before a migration is planned, not while it runs."""

import time
from typing import Any

import psycopg

from migrator.legacy.description import Description
from migrator.legacy.identifiers import quote, quote_table
from migrator.legacy.shape import Shape
from migrator.legacy.statements import changed_at

SOME = 10_000
"""Rows looked at where all would be too many."""


def count_by_year(
    connection: psycopg.Connection[Any], description: Description, shape: Shape, time_zone: str
) -> list[tuple[int, int]]:
    """Year of the time of change in this zone, and how many records it has; reads the table once.

    Without those before 1970 and in the future. Raises psycopg.Error.
    """
    return connection.execute(
        "SELECT extract(year FROM to_timestamp(us / 1000000) AT TIME ZONE %s)::int, count(*) "
        f"FROM (SELECT {changed_at(description, shape)} AS us "
        f"FROM {quote_table(description.records.table)} AS t) AS times "
        "WHERE us >= 0 AND us <= %s GROUP BY 1 ORDER BY 1",
        (time_zone, time.time() * 1e6),
    ).fetchall()


def count_larger(connection: psycopg.Connection[Any], description: Description, size: int) -> int:
    """How many records declare more than `size` bytes; 0 where none declares any."""
    if description.records.length is None:
        return 0
    column = f"t.{quote(description.records.length)}::text"
    row = connection.execute(
        f"SELECT count(*) FROM {quote_table(description.records.table)} AS t "
        f"WHERE CASE WHEN {column} ~ '^[0-9]+$' THEN {column}::numeric > %s END",
        (size,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def media_types(connection: psycopg.Connection[Any], description: Description) -> list[str]:
    """Those that the first records name, sorted; what is no media type is left out."""
    if description.records.media_type is None:
        return []
    column = quote(description.records.media_type)
    rows = connection.execute(
        f"SELECT DISTINCT few.kind FROM (SELECT t.{column}::text AS kind "
        f"FROM {quote_table(description.records.table)} AS t LIMIT %s) AS few "
        "WHERE few.kind LIKE '%%/%%' ORDER BY 1",
        (SOME,),
    )
    return [kind for (kind,) in rows]
