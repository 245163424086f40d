"""Which months are due, and what PostgreSQL says of them."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import psycopg

PARTITIONS = """
SELECT substring(inhrelid::regclass::text FROM 'skold_audit_([0-9]{4}_[0-9]{2})$')
FROM pg_inherits WHERE inhparent = 'skold_audit'::regclass
"""
UNREADABLE = "1970-01"
"""Where the copier puts records without a time: they are of any age."""


class MonthTooYoungError(Exception):
    """The month is still within the retention; the text says until when."""


def first_kept(now: dt.datetime, retention: int) -> str:
    """The first month that stays: with 12 months of retention, in November 2026 November 2025.

    The current month and the one before always stay.
    """
    count = now.year * 12 + now.month - 1 - max(retention, 1)
    return f"{count // 12}-{count % 12 + 1:02d}"


def check_before(before: str, now: dt.datetime, retention: int) -> None:
    """Raise MonthTooYoungError where months before `before` would reach into what is kept."""
    kept = first_kept(now, retention)
    if before > kept:
        raise MonthTooYoungError(
            f"months from {kept} on are kept (AUDIT_RETENTION_MONTHS); give --before {kept},"
            " or an earlier month"
        )


def standing_months(connection: psycopg.Connection[Any]) -> list[str]:
    """The months that have a partition, oldest first. Raises psycopg.Error."""
    names = [name for (name,) in connection.execute(PARTITIONS) if name]
    return sorted(name.replace("_", "-") for name in names)


def due_months(months: Iterable[str], before: str) -> list[str]:
    """Those that are to go."""
    return [month for month in months if month < before and month != UNREADABLE]


def first_day(month: str) -> dt.date:
    """`2025-11` as a date. Raises ValueError."""
    return dt.date.fromisoformat(f"{month}-01")


def bounds(month: str) -> tuple[dt.datetime, dt.datetime]:
    """Where a month begins and where the next one does, UTC."""
    first = first_day(month)
    year, following = divmod(first.year * 12 + first.month, 12)
    begin = dt.datetime(first.year, first.month, 1, tzinfo=dt.UTC)
    return begin, dt.datetime(year, following + 1, 1, tzinfo=dt.UTC)
