"""What the legacy database says about the tables of a source: version, types, unique index."""

from dataclasses import dataclass, field
from typing import Any

import psycopg

from migrator.legacy.description import Description
from migrator.legacy.identifiers import quote_table

OLDEST = 100_000
"""The oldest supported version of PostgreSQL, as `server_version_num` counts."""

# Types come without length, so that a cast neither cuts nor rounds what somebody asks for.
_COLUMNS = """
SELECT a.attname::text, CASE WHEN b.oid = 'bpchar'::regtype THEN 'bpchar'
                        ELSE format_type(b.oid, NULL) END
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped"""

# The order of the columns in a unique index that holds exactly these. (indkey counts from 0.)
_UNIQUE = """
SELECT array_agg(a.attname::text ORDER BY k.place)
FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(number, place)
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
GROUP BY i.indexrelid, i.indisprimary
ORDER BY i.indisprimary DESC, i.indexrelid"""


class SourceUnfit(Exception):
    """The legacy database is not as the description says; the text names the table or column."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`records` and `chunks` give the type of each column, domains as what they are made of.
    `key_order`: the key columns as the unique index orders them; empty without such an index.
    """

    server_version: int
    records: dict[str, str]
    chunks: dict[str, str] = field(default_factory=dict)
    key_order: tuple[str, ...] = ()

    def key_type(self, column: str) -> str:
        return self.records[column]


def load_shape(connection: psycopg.Connection[Any], description: Description) -> Shape:
    """Raises SourceUnfit where a table or column of the description is not there."""
    records, content = description.records, description.content
    types = column_types(connection, records.table)
    _require(records.table, types, record_columns(description))
    chunks: dict[str, str] = {}
    if content.table is not None:
        chunks = column_types(connection, content.table)
        assert content.order is not None
        _require(content.table, chunks, (*content.record_columns, content.order, content.data))
    return Shape(
        connection.info.server_version, types, chunks, unique_order(connection, description)
    )


def record_columns(description: Description) -> tuple[str, ...]:
    """The columns of the record table that the description names."""
    records, content = description.records, description.content
    facts = (
        records.changed_at,
        records.filename,
        records.media_type,
        records.owner,
        records.data_subject,
        records.length,
        records.digest,
        content.data if content.kind != "chunks" else None,
    )
    return (*records.key_columns, *(name for name in facts if name is not None))


def column_types(connection: psycopg.Connection[Any], table: str) -> dict[str, str]:
    """Empty where there is no such table, or the role may not see its schema."""
    try:
        rows = connection.execute(_COLUMNS, (quote_table(table),)).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return {}
    return dict(rows)


def unique_order(connection: psycopg.Connection[Any], description: Description) -> tuple[str, ...]:
    """The key columns in the order of a unique index on exactly them; empty without one."""
    records = description.records
    for (columns,) in connection.execute(_UNIQUE, (quote_table(records.table),)):
        if None not in columns and set(columns) == set(records.key_columns):
            return tuple(columns)
    return ()


def _require(table: str, types: dict[str, str], columns: tuple[str, ...]) -> None:
    if not types:
        raise SourceUnfit(f"there is no table {table}, or the role may not see its schema")
    for column in columns:
        if column not in types:
            raise SourceUnfit(f"table {table} has no column {column}")
