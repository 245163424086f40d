"""The change log on the legacy database: what has changed and may not have been imported yet.

An importer notes the events of a record, then reads the record, imports it, and removes exactly the
events it noted. Reader takes every visible row, in whatever order transactions committed: no row is
skipped because its number or time is below what was seen before.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from migrator.legacy.description import RecordId
from migrator.legacy.identifiers import quote

SCHEMA = "contentserver_capture"


class Backlog(NamedTuple):
    """Events waiting, and the time of the oldest, None where none waits."""

    events: int
    oldest_at: datetime | None


def log_table(source: str) -> str:
    """The change log's table, quoted."""
    return f"{quote(SCHEMA)}.{quote(f'{source}_changes')}"


def pending_sql(source: str) -> str:
    """One row with one boolean: whether an event waits for the record `%s::text[]`.

    A TRUNCATE, whose event has no record, makes everything pending. Both tests use the index.
    """
    table = log_table(source)
    return (
        f"SELECT EXISTS (SELECT 1 FROM {table} WHERE record = %s::text[]) "
        f"OR EXISTS (SELECT 1 FROM {table} WHERE record IS NULL)"
    )


def pending_many(source: str, wanted: Iterable[RecordId]) -> tuple[str, list[list[str]]]:
    """`ChangeLog.pending` as a statement and its values, for who asks in another way; the rows are
    for `found_pending`.
    """
    table = log_table(source)
    sql = (
        f"SELECT DISTINCT c.record FROM unnest(%s::text[]) AS w(wanted) "
        f"JOIN {table} AS c ON c.record = w.wanted::text[] "
        f"UNION ALL (SELECT NULL FROM {table} WHERE record IS NULL LIMIT 1)"
    )
    return sql, [[_array(record_id) for record_id in wanted]]


def found_pending(
    wanted: Iterable[RecordId], rows: Iterable[tuple[list[str] | None]]
) -> set[RecordId]:
    """Those of `wanted` that the rows of `pending_many` make pending."""
    found = {None if record is None else tuple(record) for (record,) in rows}
    return set(wanted) if None in found else {one for one in wanted if one in found}


class ChangeLog:
    """The log of one source. `connection` in autocommit: each call sees what is committed when it
    begins. Every method may raise psycopg.Error.
    """

    def __init__(self, connection: psycopg.Connection[Any], source: str) -> None:
        self._connection = connection
        self._source = source
        self._table = log_table(source)

    def pending(self, ids: Iterable[RecordId]) -> set[RecordId]:
        """Those of `ids` for which an event waits; all of them after a TRUNCATE."""
        wanted = list(dict.fromkeys(ids))
        sql, values = pending_many(self._source, wanted)
        return found_pending(wanted, self._connection.execute(sql, values))

    def note(self, record_id: RecordId) -> list[int]:
        """The events of one record that are visible now."""
        rows = self._connection.execute(
            f"SELECT id FROM {self._table} WHERE record = %s::text[] ORDER BY id",
            (list(record_id),),
        )
        return [number for (number,) in rows]

    def note_many(self, ids: Iterable[RecordId]) -> dict[RecordId, list[int]]:
        """The visible events of each record that has any."""
        rows = self._connection.execute(
            f"SELECT c.record, c.id FROM unnest(%s::text[]) AS w(wanted) "
            f"JOIN {self._table} AS c ON c.record = w.wanted::text[] ORDER BY c.id",
            ([_array(record_id) for record_id in dict.fromkeys(ids)],),
        )
        return _grouped(rows)

    def note_batch(self, limit: int, after: int = 0) -> dict[RecordId, list[int]]:
        """The next `limit` visible events beyond the number `after`, by record.

        `after` leads past records that cannot be imported, within one round; the next round begins
        with 0 again, because smaller numbers may become visible at any time.
        """
        rows = self._connection.execute(
            f"SELECT record, id FROM {self._table} WHERE record IS NOT NULL AND id > %s "
            f"ORDER BY id LIMIT %s",
            (after, limit),
        )
        return _grouped(rows)

    def note_all(self) -> list[int]:
        """The visible events that concern every record: of TRUNCATE."""
        rows = self._connection.execute(
            f"SELECT id FROM {self._table} WHERE record IS NULL ORDER BY id"
        )
        return [number for (number,) in rows]

    def remove(self, event_ids: Sequence[int]) -> int:
        """Remove exactly these; how many were still there."""
        if not event_ids:
            return 0
        return self._connection.execute(
            f"DELETE FROM {self._table} WHERE id = ANY(%s::bigint[])", (list(event_ids),)
        ).rowcount

    def newest(self) -> int:
        """The highest event id seen now; 0 for an empty log."""
        row = self._connection.execute(f"SELECT max(id) FROM {self._table}").fetchone()
        return int(row[0] or 0) if row else 0

    def count_up_to(self, event_id: int) -> int:
        """How many events up to this id wait."""
        sql = f"SELECT count(*) FROM {self._table} WHERE id <= %s"
        row = self._connection.execute(sql, [event_id]).fetchone()
        return int(row[0]) if row else 0

    def status(self) -> Backlog:
        row = self._connection.execute(f"SELECT count(*), min(at) FROM {self._table}").fetchone()
        assert row is not None
        return Backlog(*row)


def _grouped(rows: Iterable[tuple[list[str], int]]) -> dict[RecordId, list[int]]:
    events: dict[RecordId, list[int]] = {}
    for record, number in rows:
        events.setdefault(tuple(record), []).append(number)
    return events


def _array(record_id: RecordId) -> str:
    """The values as the text of one text[], because arrays of arrays would be one matrix."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in record_id)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
