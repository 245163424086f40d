"""Whether tables and columns are of use: types, unique index, index on the chunks, who may read."""

from collections.abc import Iterator
from typing import Any

import psycopg

from migrator.legacy.description import Description
from migrator.legacy.findings import Finding
from migrator.legacy.identifiers import quote, quote_table
from migrator.legacy.shape import Shape

# Types whose text depends neither on settings of a session nor on the version.
_WHOLE = frozenset(("smallint", "integer", "bigint"))
_TEXT = frozenset(("text", "character varying", "bpchar", "citext"))
KEY_TYPES = _WHOLE | _TEXT | {"numeric", "oid", "uuid", "name"}
_TIMES = frozenset(("date", "timestamp without time zone", "timestamp with time zone"))
_MEASURES = _WHOLE | _TEXT | {"numeric"}


def table_findings(
    connection: psycopg.Connection[Any], description: Description, shape: Shape
) -> Iterator[Finding]:
    for table in filter(None, (description.records.table, description.content.table)):
        yield from _kind_findings(connection, table)
    yield from type_findings(description, shape)
    if not shape.key_order:
        columns = ", ".join(description.records.key_columns)
        yield Finding(
            "error",
            "no_unique_index",
            f"no unique index of {description.records.table} holds exactly {columns}",
            f"CREATE UNIQUE INDEX CONCURRENTLY ON {description.records.table} ({columns})",
        )
    else:
        yield from _null_findings(connection, description)
    if description.content.kind == "chunks":
        yield from _chunk_index_findings(connection, description)


def type_findings(description: Description, shape: Shape) -> Iterator[Finding]:
    """Columns whose type cannot be used as the description says."""
    records, content = description.records, description.content
    wanted: list[tuple[str | None, dict[str, str], frozenset[str]]] = [
        *((name, shape.records, KEY_TYPES) for name in records.key_columns),
        (records.changed_at, shape.records, _TIMES),
        (records.length, shape.records, _MEASURES),
        (records.digest, shape.records, _digest_types(description)),
    ]
    if content.kind == "chunks":
        wanted += [
            (content.order, shape.chunks, _WHOLE),
            (content.data, shape.chunks, frozenset(("bytea",))),
        ]
    else:
        kind = "bytea" if content.kind == "bytea" else "oid"
        wanted.append((content.data, shape.records, frozenset((kind,))))
    for name, types, usable in wanted:
        if name is not None and types[name].removeprefix("public.") not in usable:
            yield Finding(
                "error",
                "unusable_type",
                f"the column {name} is of type {types[name]}",
                f"Usable are {', '.join(sorted(usable))}.",
            )


def _digest_types(description: Description) -> frozenset[str]:
    numbers = {"integer", "bigint"} if description.records.digest_kind == "crc32" else set[str]()
    return _TEXT | {"bytea"} | numbers


def _kind_findings(connection: psycopg.Connection[Any], table: str) -> Iterator[Finding]:
    row = connection.execute(
        "SELECT c.relkind::text, row_security_active(c.oid), has_table_privilege(c.oid, 'SELECT') "
        "FROM pg_class c WHERE c.oid = to_regclass(%s)",
        (quote_table(table),),
    ).fetchone()
    assert row is not None
    kind, is_filtered, may_read = row
    if kind not in {"r", "p"}:
        yield Finding(
            "error", "no_table", f"{table} is a view or a foreign table", "Describe its table."
        )
    if is_filtered:
        yield Finding(
            "error",
            "row_security",
            f"row security hides rows of {table} from this role",
            "Read with a role that has BYPASSRLS, or with the owner's.",
        )
    if not may_read:
        yield Finding(
            "warning",
            "no_select",
            f"this role may not read all of {table}",
            f"GRANT SELECT ON {table} to it, or on each column of the description.",
        )


def _null_findings(
    connection: psycopg.Connection[Any], description: Description
) -> Iterator[Finding]:
    table = quote_table(description.records.table)
    for name in description.records.key_columns:
        row = connection.execute(
            f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {quote(name)} IS NULL)"
        ).fetchone()
        if row is not None and row[0]:
            yield Finding(
                "warning",
                "null_key",
                f"records without {name} have no key and are left out",
                "Give them one, or delete them.",
            )


def _chunk_index_findings(
    connection: psycopg.Connection[Any], description: Description
) -> Iterator[Finding]:
    content = description.content
    assert content.table is not None
    columns = set(content.record_columns)
    rows = connection.execute(
        "SELECT array_agg(a.attname::text ORDER BY k.place) FROM pg_index i "
        "CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(number, place) "
        "LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number "
        "WHERE i.indrelid = to_regclass(%s) AND i.indisvalid AND i.indpred IS NULL "
        "GROUP BY i.indexrelid",
        (quote_table(content.table),),
    ).fetchall()
    if any(set(names[: len(columns)]) == columns for (names,) in rows):
        return
    wanted = ", ".join((*content.record_columns, content.order or ""))
    yield Finding(
        "error",
        "no_chunk_index",
        f"no index of {content.table} begins with {', '.join(content.record_columns)}: "
        "every file would read the whole table",
        f"CREATE INDEX CONCURRENTLY ON {content.table} ({wanted})",
    )
