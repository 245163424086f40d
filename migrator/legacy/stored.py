"""The stored bytes of one long file, in few statements of bounded size. Within one snapshot."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import ChunkDoubled, ChunkMissing
from migrator.legacy.rows import Row
from migrator.legacy.statements import Statements

EXTENT = 4 << 20
"""About so many stored bytes are fetched at once, and no more than twice as many."""

Piece = tuple[bytes, bool]
"""Stored bytes, and whether a chunk ends with them."""


def stored_pieces(
    connection: psycopg.Connection[Any],
    description: Description,
    statements: Statements,
    row: Row,
) -> Iterator[Piece]:
    """All stored bytes in order. Raises ChunkMissing or ChunkDoubled before the first of them."""
    kind = description.content.kind
    with connection.cursor(binary=True) as cursor:
        if kind == "chunks":
            plan = cursor.execute(statements.plan, row.id).fetchall()
            check_order(plan, description.content.first)
            for extent in _extents(plan):
                yield from _extent(cursor, statements, row.id, extent)
        elif kind == "bytea":
            for start, length in _slices(row.stored or 0):
                yield _one(cursor, statements.slice, (start + 1, length, *row.id)), False
        else:
            for start, length in _slices(row.stored or 0):
                yield _one(cursor, statements.slice, (row.object, start, length)), False


def check_order(rows: Sequence[tuple[Any, ...]], first: int) -> None:
    """Raise unless the orders, in the first column, count from `first` and no data is NULL."""
    expected = first
    for number, data in rows:
        if number is None or data is None:
            raise ChunkMissing(f"chunk {number if number is not None else 'NULL'} holds nothing")
        if number != expected:
            if number == expected - 1 and number >= first:
                raise ChunkDoubled(f"chunk {number} is there twice")
            raise ChunkMissing(f"chunk {expected} of {len(rows)} is not there, {number} is next")
        expected += 1


def _extents(rows: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    extent: list[tuple[int, int]] = []
    size = 0
    for row in rows:
        if extent and size + row[1] > EXTENT:
            yield extent
            extent, size = [], 0
        extent.append(row)
        size += row[1]
    if extent:
        yield extent


def _extent(
    cursor: psycopg.Cursor[Any],
    statements: Statements,
    record_id: RecordId,
    extent: list[tuple[int, int]],
) -> Iterator[Piece]:
    number, size = extent[0]
    if size > 2 * EXTENT:
        for start, length in _slices(size):
            values = (start + 1, length, *record_id, number)
            yield _one(cursor, statements.slice, values), start + length == size
        return
    values = (*record_id, number, extent[-1][0])
    for _, data in cursor.execute(statements.extent, values):
        yield data, True


def _slices(size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, size, EXTENT):
        yield start, min(EXTENT, size - start)


def _one(cursor: psycopg.Cursor[Any], statement: str, values: Sequence[Any]) -> bytes:
    row = cursor.execute(statement, values).fetchone()
    assert row is not None
    data: bytes = row[0]
    return data
