"""The SQL that reads a source, made from its description and the types that were found.

Ids come as arrays of text, one for each key column, and are cast to the columns' types, so that
indexes are used. What comes back is `column::text`.
"""

from dataclasses import dataclass

from migrator.legacy.description import Description
from migrator.legacy.identifiers import literal, quote, quote_table
from migrator.legacy.shape import Shape

_READ = 0x40000  # INV_READ
_END = 2  # SEEK_END


@dataclass(frozen=True, slots=True)
class Statements:
    """Parameters: `ids` are the arrays of wanted ids, `id` the values of one record."""

    records: str  # ids -> place, key..., facts..., chunks, stored bytes, object
    contents: str  # ids -> place, order, stored data; ordered by both
    plan: str  # id -> order, stored bytes; ordered
    extent: str  # id, first order, last order -> order, stored data; ordered
    slice: str  # offset from 1, bytes, id[, order] -> stored data
    ids_first: str  # limit -> key...
    ids_after: str  # id, limit -> key...
    normal: str  # id -> key...
    count: str  # limit -> rows, at most limit
    explain: str


def statements_of(description: Description, shape: Shape) -> Statements:
    return Statements(
        records=_records(description, shape),
        contents=_contents(description, shape),
        plan=_plan(description, shape),
        extent=_extent(description, shape),
        slice=_slice(description, shape),
        ids_first=_ids(description, shape, after=False),
        ids_after=_ids(description, shape, after=True),
        normal=_normal(description, shape),
        count=f"SELECT count(*) FROM (SELECT 1 FROM {_table(description)} LIMIT %s) AS few",
        explain=f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {_table(description)}",
    )


def changed_at(description: Description, shape: Shape) -> str:
    """Microseconds since the epoch as float8, whose 53 bits hold them until the year 2255."""
    records = description.records
    if records.changed_at is None:
        return "NULL::float8"
    column = f"t.{quote(records.changed_at)}"
    if "with time zone" not in shape.records[records.changed_at]:
        column = f"({column}::timestamp AT TIME ZONE {literal(records.time_zone)})"
    return f"(extract(epoch FROM {column}) * 1000000)::float8"


def digest(description: Description, shape: Shape) -> str:
    """Hex, whether the column is text, bytea or (crc32) a whole number."""
    name = description.records.digest
    if name is None:
        return "NULL::text"
    column, kind = f"t.{quote(name)}", shape.records[name]
    if kind == "bytea":
        return f"encode({column}, 'hex')"
    if kind in {"integer", "bigint"}:
        return f"to_hex({column}::bigint)"
    return f"{column}::text"


def _table(description: Description) -> str:
    return quote_table(description.records.table)


def _chunk_table(description: Description) -> str:
    assert description.content.table is not None
    return quote_table(description.content.table)


def _wanted(description: Description, shape: Shape) -> str:
    columns = description.records.key_columns
    arrays = ", ".join(f"%s::{shape.key_type(name)}[]" for name in columns)
    names = ", ".join(f"k{place}" for place in range(len(columns)))
    return f"unnest({arrays}) WITH ORDINALITY AS w({names}, place)"


def _is_wanted(alias: str, columns: tuple[str, ...]) -> str:
    return " AND ".join(f"{alias}.{quote(name)} = w.k{n}" for n, name in enumerate(columns))


def _is_this(alias: str, columns: tuple[str, ...], types: tuple[str, ...]) -> str:
    return " AND ".join(
        f"{alias}.{quote(name)} = %s::{kind}" for name, kind in zip(columns, types, strict=True)
    )


def _keys(description: Description) -> str:
    return ", ".join(f"t.{quote(name)}::text" for name in description.records.key_columns)


def _fact(name: str | None) -> str:
    return "NULL::text" if name is None else f"t.{quote(name)}::text"


def _records(description: Description, shape: Shape) -> str:
    records, content = description.records, description.content
    facts = [
        changed_at(description, shape),
        *map(_fact, (records.filename, records.media_type, records.owner)),
        *map(_fact, (records.data_subject, records.length)),
        digest(description, shape),
    ]
    stored, join = "", ""
    data = f"t.{quote(content.data)}"
    if content.kind == "chunks":
        # octet_length reads the length from the pointer: nothing is fetched or decompressed.
        stored = "s.chunks, s.stored, NULL::oid"
        join = (
            f" CROSS JOIN LATERAL (SELECT count(*) AS chunks, "
            f"coalesce(sum(octet_length(c.{quote(content.data)})), 0)::bigint AS stored "
            f"FROM {_chunk_table(description)} AS c "
            f"WHERE {_is_wanted('c', content.record_columns)}) AS s"
        )
    elif content.kind == "bytea":
        stored = f"1::bigint, octet_length({data})::bigint, NULL::oid"
    else:
        size = f"lo_lseek64(lo_open({data}, {_READ}), 0, {_END})"
        stored = f"1::bigint, CASE WHEN m.oid IS NOT NULL THEN {size} END, {data}"
        join = f" LEFT JOIN pg_catalog.pg_largeobject_metadata AS m ON m.oid = {data}"
    return (
        f"SELECT w.place, {_keys(description)}, {', '.join(facts)}, {stored} "
        f"FROM {_wanted(description, shape)} "
        f"JOIN {_table(description)} AS t ON {_is_wanted('t', records.key_columns)}{join}"
    )


def _contents(description: Description, shape: Shape) -> str:
    content = description.content
    wanted = _wanted(description, shape)
    if content.kind == "chunks":
        assert content.order is not None
        order = f"c.{quote(content.order)}"
        # The inner ORDER BY keeps the planner at one index scan for each wanted record.
        return (
            f"SELECT w.place, c.n, c.data FROM {wanted} CROSS JOIN LATERAL "
            f"(SELECT {order}::bigint AS n, c.{quote(content.data)} AS data "
            f"FROM {_chunk_table(description)} AS c "
            f"WHERE {_is_wanted('c', content.record_columns)} ORDER BY {order}) AS c "
            f"ORDER BY w.place, c.n"
        )
    data = f"t.{quote(content.data)}"
    if content.kind == "large_object":
        data = f"lo_get({data})"
    return (
        f"SELECT w.place, 0::bigint, {data} FROM {wanted} "
        f"JOIN {_table(description)} AS t ON {_is_wanted('t', description.records.key_columns)} "
        f"ORDER BY w.place"
    )


def _of_this(description: Description, shape: Shape, alias: str, columns: tuple[str, ...]) -> str:
    types = tuple(shape.key_type(name) for name in description.records.key_columns)
    return _is_this(alias, columns, types)


def _plan(description: Description, shape: Shape) -> str:
    content = description.content
    if content.kind != "chunks":
        return ""
    assert content.order is not None
    return (
        f"SELECT c.{quote(content.order)}::bigint, octet_length(c.{quote(content.data)})::bigint "
        f"FROM {_chunk_table(description)} AS c "
        f"WHERE {_of_this(description, shape, 'c', content.record_columns)} "
        f"ORDER BY c.{quote(content.order)}"
    )


def _extent(description: Description, shape: Shape) -> str:
    content = description.content
    if content.kind != "chunks":
        return ""
    assert content.order is not None
    order = f"c.{quote(content.order)}"
    return (
        f"SELECT {order}::bigint, c.{quote(content.data)} FROM {_chunk_table(description)} AS c "
        f"WHERE {_of_this(description, shape, 'c', content.record_columns)} "
        f"AND {order} BETWEEN %s AND %s ORDER BY {order}"
    )


def _slice(description: Description, shape: Shape) -> str:
    content, records = description.content, description.records
    if content.kind == "large_object":
        return "SELECT lo_get(%s, %s, %s)"
    data = quote(content.data)
    if content.kind == "bytea":
        return (
            f"SELECT substring(t.{data} FROM %s FOR %s) FROM {_table(description)} AS t "
            f"WHERE {_of_this(description, shape, 't', records.key_columns)}"
        )
    assert content.order is not None
    return (
        f"SELECT substring(c.{data} FROM %s FOR %s) FROM {_chunk_table(description)} AS c "
        f"WHERE {_of_this(description, shape, 'c', content.record_columns)} "
        f"AND c.{quote(content.order)} = %s"
    )


def _ids(description: Description, shape: Shape, *, after: bool) -> str:
    columns = shape.key_order or description.records.key_columns
    order = ", ".join(f"t.{quote(name)}" for name in columns)
    places = ", ".join(f"%s::{shape.key_type(name)}" for name in columns)
    return (
        f"SELECT {_keys(description)} FROM {_table(description)} AS t "
        + (f"WHERE ({order}) > ({places}) " if after else "")
        + f"ORDER BY {order} LIMIT %s"
    )


def _normal(description: Description, shape: Shape) -> str:
    return "SELECT " + ", ".join(
        f"(%s::{shape.key_type(name)})::text" for name in description.records.key_columns
    )
