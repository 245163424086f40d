"""Which of many records legacy has, without their content."""

from collections.abc import Sequence

import psycopg

from migrator.legacy.description import RecordId
from migrator.legacy.identifiers import quote, quote_table
from migrator.legacy.reader import LegacyReader


def present(reader: LegacyReader, ids: Sequence[RecordId]) -> set[RecordId]:
    """Those of which there is a record whose key reads exactly so. Raises psycopg.Error."""
    if not ids:
        return set()
    try:
        return _present(reader, ids)
    except psycopg.DataError:
        # One of them is no value of its column's type.
        fit = [record_id for record_id in ids if reader.normalise(record_id) == record_id]
        return _present(reader, fit) if fit else set()


def _present(reader: LegacyReader, ids: Sequence[RecordId]) -> set[RecordId]:
    columns = reader.description.records.key_columns
    keys = ", ".join(f"t.{quote(name)}::text" for name in columns)
    arrays = ", ".join(f"%s::{reader.shape.key_type(name)}[]" for name in columns)
    names = ", ".join(f"k{place}" for place in range(len(columns)))
    same = " AND ".join(f"t.{quote(name)} = w.k{place}" for place, name in enumerate(columns))
    table = quote_table(reader.description.records.table)
    rows = reader.connection.execute(
        f"SELECT {keys} FROM unnest({arrays}) AS w({names}) JOIN {table} AS t ON {same}",  # noqa: S608 - quoted
        [list(column) for column in zip(*ids, strict=True)],
    )
    return {tuple(row) for row in rows} & set(ids)
