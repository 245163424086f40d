"""New rows of an append-only table by its xid8 column, in the order of their transactions.

The column is filled by `DEFAULT pg_current_xact_id()`. A row is given once every transaction below
its own has ended: asked in the statement that reads, so that none commits in between.
"""

from dataclasses import dataclass
from typing import Any

from migrator.legacy.description import RecordId
from migrator.legacy.identifiers import quote, quote_table
from migrator.legacy.reader import LegacyReader

OLDEST = 130_000
"""The oldest version of PostgreSQL that has xid8."""


class Unsupported(Exception):
    """This table cannot be read in this way; the text says why."""


@dataclass(frozen=True, slots=True)
class Position:
    """All rows of transactions below `xid` were given, and those of `xid` up to `record`."""

    xid: str
    record: RecordId | None

    def to_json(self) -> dict[str, Any]:
        return {"xid": self.xid, "record": None if self.record is None else list(self.record)}

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Position":
        record = given["record"]
        return cls(given["xid"], None if record is None else tuple(record))


def read_appended(
    reader: LegacyReader, column: str, position: Position, limit: int
) -> tuple[list[RecordId], Position]:
    """The next rows behind `position`, and where to go on. Raises Unsupported, psycopg.Error."""
    if reader.shape.server_version < OLDEST:
        raise Unsupported("capture by xid needs PostgreSQL 13; use triggers or comparison")
    parameters: list[Any] = [position.xid, *(position.record or ()), limit]
    rows = reader.connection.execute(_statement(reader, column, position), parameters).fetchall()
    below = rows[0][0]
    found = [row for row in rows if row[1] is not None]
    ids: list[RecordId] = [tuple(row[2:]) for row in found]
    if len(found) < limit:
        return ids, Position(below, None)
    return ids, Position(found[-1][1], ids[-1])


def _statement(reader: LegacyReader, column: str, position: Position) -> str:
    keys = reader.description.records.key_columns
    names = ", ".join(quote(name) for name in keys)
    if position.record is None:
        behind = f"{quote(column)} >= %s::xid8"
    else:
        types = ", ".join(f"%s::{reader.shape.key_type(name)}" for name in keys)
        behind = f"({quote(column)}, {names}) > (%s::xid8, {types})"
    texts = ", ".join(f"{quote(name)}::text" for name in keys)
    return (
        "SELECT s.below::text, r.* "
        "FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS below) s "
        f"LEFT JOIN LATERAL (SELECT {quote(column)}::text AS xid, {texts} "
        f"FROM {quote_table(reader.description.records.table)} "
        f"WHERE {behind} AND {quote(column)} < s.below "
        f"ORDER BY {quote(column)}, {names} LIMIT %s) r ON true"
    )
