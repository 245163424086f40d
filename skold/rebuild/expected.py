"""The rows that PostgreSQL's copy should hold, made from the ledger as the copier makes them."""

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from skold.ledger.bundles import Bundles, Leaf
from skold.ledger.copier import FIND_REQUESTS
from skold.ledger.rows import COLUMNS, Asked, Place, Record
from skold.redaction.listed import redacted_leaves

REMEMBERED = 1_000_000
"""Requests kept until their `done` comes; older ones are looked up in the table."""
WARM = 50_000
"""Leaves read on each side of the first that is wanted, for requests of another month."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A record and its row: values for skold.ledger.rows.COLUMNS. Not `complete`: it ends a request
    that was not found, so what the request asked for is unknown."""

    record: Record
    row: tuple[Any, ...]
    complete: bool = True

    def asked(self, column: str) -> Any:
        """The value of a column of ASKED."""
        return self.row[COLUMNS.index(column)]


class ExpectedRows:
    """Rows of one node, in the order of its ledger; what was redacted comes without its private
    part, whether or not the disk still has it."""

    def __init__(self, ledger: str | os.PathLike[str], node: str) -> None:
        self._bundles = Bundles(ledger)
        self._node = node
        self._redacted = redacted_leaves(ledger, node)
        self._requests: OrderedDict[Place, Asked] = OrderedDict()

    def warm(self, around: int, leaves: int) -> None:
        """Read what stands around leaf `around`, so that each `done` there finds its request."""
        end = min(leaves, around + WARM)
        for leaf in self._bundles.iter_leaves(max(0, around - WARM), end, leaves):
            self._remember(Record(leaf))

    def batch(self, leaves: Iterable[Leaf], connection: psycopg.Connection[Any]) -> list[Expected]:
        """The rows of consecutive leaves. Call it with all of a ledger's, in order."""
        records = [Record(self._without_private(leaf)) for leaf in leaves]
        for record in records:
            self._remember(record)
        wanted = [record.request_place for record in records]
        asked = {place: self._requests.pop(place, None) for place in wanted if place}
        asked |= self._look_up(connection, [place for place, found in asked.items() if not found])
        return [
            self._expected(record, asked.get(place) if place else None)
            for record, place in zip(records, wanted, strict=True)
        ]

    def _expected(self, record: Record, request: Asked | None) -> Expected:
        complete = record.request_place is None or request is not None
        return Expected(record, record.row(self._node, request), complete)

    def iter_leaves(self, start: int, end: int, leaves: int) -> Iterator[Leaf]:
        """As Bundles.iter_leaves."""
        return self._bundles.iter_leaves(start, end, leaves)

    def _without_private(self, leaf: Leaf) -> Leaf:
        return Leaf(leaf.index, leaf.body, b"") if leaf.index in self._redacted else leaf

    def _remember(self, record: Record) -> None:
        if record.kind == "req":
            self._requests[record.place] = record.asked
            if len(self._requests) > REMEMBERED:
                self._requests.popitem(last=False)

    def _look_up(
        self, connection: psycopg.Connection[Any], places: list[Place]
    ) -> dict[Place, Asked | None]:
        if not places:
            return {}
        writers, numbers = zip(*places, strict=True)
        rows = connection.execute(FIND_REQUESTS, (list(writers), list(numbers))).fetchall()
        return {(row[0], row[1]): tuple(row[2:]) for row in rows}
