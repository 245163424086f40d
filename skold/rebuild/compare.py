"""Rows that stand in PostgreSQL against those that the ledger expects: every column of each."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
import psycopg

from skold.ledger.rows import ASKED, COLUMNS
from skold.rebuild.expected import Expected

Span = tuple[dt.datetime, dt.datetime]
ALWAYS = (dt.datetime(1, 1, 2, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, tzinfo=dt.UTC))
Kind = Literal["missing", "different", "surplus"]
_LEAF, _AT = COLUMNS.index("leaf_index"), COLUMNS.index("at")
_PRIVATE = COLUMNS.index("private")
_NAMES = ", ".join(COLUMNS)
STANDING = f"""
SELECT {_NAMES} FROM skold_audit
WHERE node = %s AND leaf_index BETWEEN %s AND %s AND at >= %s AND at < %s
ORDER BY leaf_index, at
"""  # noqa: S608 - the names are our own


@dataclass(frozen=True, slots=True)
class Difference:
    """One record that PostgreSQL and the ledger do not say the same of; `columns` differ."""

    kind: Kind
    leaf: int
    at: dt.datetime
    columns: tuple[str, ...] = ()


def iter_differences(
    connection: psycopg.Connection[Any],
    node: str,
    expected: Sequence[Expected],
    within: Span = ALWAYS,
) -> Iterator[Difference]:
    """What differs between the first and the last of these leaves, among rows whose time is
    `within` (end not included). Raises psycopg.Error.

    A row of a leaf that is not among `expected` is surplus, also one of the right number at
    another time, which is another row of the table.
    """
    if not expected:
        return
    first, last = expected[0].record.leaf.index, expected[-1].record.leaf.index
    wanted = {(each.record.leaf.index, each.record.at): each for each in expected}
    for row in connection.execute(STANDING, (node, first, last, *within)):
        leaf, at = row[_LEAF], row[_AT].astimezone(dt.UTC)
        ours = wanted.pop((leaf, at), None)
        if ours is None:
            yield Difference("surplus", leaf, at)
        elif columns := _unequal(ours, row):
            yield Difference("different", leaf, at, columns)
    for leaf, at in wanted:
        yield Difference("missing", leaf, at)


def _unequal(ours: Expected, row: tuple[Any, ...]) -> tuple[str, ...]:
    unequal = [
        name
        for place, (name, own, theirs) in enumerate(zip(COLUMNS, ours.row, row, strict=True))
        if (orjson.loads(own) if place == _PRIVATE else own) != _comparable(theirs)
    ]
    if ours.complete:
        return tuple(unequal)
    return tuple(name for name in unequal if name not in ASKED or ours.asked(name) is not None)


def _comparable(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
