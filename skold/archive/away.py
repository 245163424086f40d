"""Which records PostgreSQL no longer holds, because a verified file does."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from skold.ledger.rows import Record

PUT_AWAY = "SELECT month, leaves FROM skold_archivedmonth WHERE node = %s AND NOT standing"


class PutAway:
    """The months of one node that were put away: a record of them below the number that the ledger
    had then is in the file. A later one of the same month, of a journal read late, is not."""

    def __init__(self, months: Mapping[tuple[int, int], int]) -> None:
        self._months = months

    def holds(self, at: dt.datetime, index: int) -> bool:
        """Whether the record of this time and number is in a file and not in PostgreSQL."""
        return bool(self._months) and index < self._months.get((at.year, at.month), 0)

    def without(self, records: Iterable[Record]) -> list[Record]:
        """Those that belong into PostgreSQL."""
        return [record for record in records if not self.holds(record.at, record.leaf.index)]


def read_put_away(connection: psycopg.Connection[Any], node: str) -> PutAway:
    """What the database says at this moment. Raises psycopg.Error."""
    rows = connection.execute(PUT_AWAY, (node,)).fetchall()
    return PutAway({(month.year, month.month): leaves for month, leaves in rows})
