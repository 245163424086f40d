"""Ledger to PostgreSQL: rows, their sums and the mark move in one transaction, so each record
arrives and counts exactly once.

Killed anywhere, frozen or cut off from the database, it begins again from the mark that the
database itself holds. Commits are asynchronous: a crash of PostgreSQL may lose the last of them,
rows and mark together, and they are copied again, since the ledger on disk is the truth.
"""

import datetime as dt
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from skold.archive.away import PutAway, read_put_away
from skold.ledger.bundles import Bundles
from skold.ledger.mark import read_mark
from skold.ledger.rows import ASKED, COPY, Asked, Place, Record, months
from skold.ledger.sums import Sums

LIMIT = 5000
"""Rows of a transaction: below a second, and little to do again."""
REMEMBERED = 100_000
"""Requests kept in memory until their `done` arrives; older ones are looked up in the table."""
MONTHS_AHEAD = 2
LOOK_EVERY = 60.0
"""Seconds between two looks at the database while nothing new comes."""

Connection = psycopg.Connection[Any]

_NAMES = ", ".join(ASKED)
FIND_REQUESTS = f"""
SELECT writer, n, {_NAMES} FROM skold_audit
WHERE kind = 'req' AND (writer, n) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))
"""  # noqa: S608 - the names are our own


class LedgerBehindError(Exception):
    """PostgreSQL holds more leaves than the ledger on disk: the disk was restored from an older
    copy."""


class LedgerDiffersError(Exception):
    """PostgreSQL's last leaf is another one than the ledger's: the ledger was put back and went on,
    or rows were changed.
    """


class Copier:
    """Copies one node's ledger. `behind` is how many leaves were still to come after the last
    step."""

    def __init__(
        self,
        ledger: str | os.PathLike[str],
        node: str,
        conninfo: str,
        *,
        limit: int = LIMIT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`conninfo` is a libpq address; connects at the first step."""
        self.behind = 0
        self._ledger, self._node, self._conninfo = ledger, node, conninfo
        self._limit = limit
        self._monotonic = monotonic
        self._bundles = Bundles(ledger)
        self._connection: Connection | None = None
        self._next: int | None = None
        self._looked = float("-inf")
        self._months: set[str] = set()
        self._requests: OrderedDict[Place, Asked] = OrderedDict()

    @property
    def copied(self) -> int | None:
        """Leaves that PostgreSQL held after the last step; None when that is not known."""
        return self._next

    def step(self) -> int:
        """Copy what is new, at most a transaction; returns how many records that were.

        Raises psycopg.Error when the database is away (the next step connects again),
        LedgerBehindError, LedgerDiffersError, LedgerDamagedError.
        """
        leaves = read_mark(self._ledger, self._node).leaves
        now = self._monotonic()
        if leaves == self._next and now - self._looked < LOOK_EVERY:
            return 0
        try:
            copied = self._copy(self._connect(), leaves)
        except BaseException:
            self.close()
            raise
        self._looked = now
        self.behind = leaves - (self._next or 0)
        return copied

    def close(self) -> None:
        """Drop the connection and everything remembered."""
        self._next, self._looked = None, float("-inf")
        self._months.clear()
        self._requests.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._conninfo,
                autocommit=True,
                connect_timeout=5,
                # A server that vanished without a word is given up within a minute.
                keepalives_idle=20,
                keepalives_interval=10,
                keepalives_count=3,
                tcp_user_timeout=60_000,
                application_name="skold copier",
                options="-c synchronous_commit=off -c TimeZone=UTC",
            )
        return self._connection

    def _copy(self, connection: Connection, leaves: int) -> int:
        with connection.transaction():
            start = self._take_mark(connection)
            if start > leaves:
                raise LedgerBehindError(
                    f"PostgreSQL holds {start} leaves of {self._node}, the ledger only {leaves}."
                    " Restore the newest copy of the ledger, or rebuild PostgreSQL's from it."
                )
            if self._next is None and start:
                self._compare_last(connection, start - 1, leaves)
            end = min(leaves, start + self._limit)
            records = [Record(leaf) for leaf in self._bundles.iter_leaves(start, end, leaves)]
            away = read_put_away(connection, self._node)
            known = self._months | self._make_partitions(connection, away.without(records))
            self._write(connection, records, away)
            connection.execute(
                "UPDATE skold_ledgermark SET next_leaf = %s WHERE node = %s", (end, self._node)
            )
        self._months, self._next = known, end
        return len(records)

    def _compare_last(self, connection: Connection, index: int, leaves: int) -> None:
        """Whether the copy goes on from the same history; asked once for each connection. A row
        that is not there was put away, with its month.
        """
        row = connection.execute(
            "SELECT body FROM skold_audit WHERE node = %s AND leaf_index = %s", (self._node, index)
        ).fetchone()
        (leaf,) = self._bundles.iter_leaves(index, index + 1, leaves)
        if row is not None and bytes(row[0]) != leaf.body:
            raise LedgerDiffersError(
                f"leaf {index} of {self._node} is another one in PostgreSQL than in the ledger."
                " Make PostgreSQL's copy again: manage.py rebuild_ledger"
            )

    def _take_mark(self, connection: Connection) -> int:
        """The next leaf. The row stays locked: two copiers of one node take turns."""
        connection.execute(
            "INSERT INTO skold_ledgermark (node, next_leaf) VALUES (%s, 0) ON CONFLICT DO NOTHING",
            (self._node,),
        )
        row = connection.execute(
            "SELECT next_leaf FROM skold_ledgermark WHERE node = %s FOR UPDATE", (self._node,)
        ).fetchone()
        return int(row[0]) if row else 0

    def _make_partitions(self, connection: Connection, records: Sequence[Record]) -> set[str]:
        wanted = months(records) | _months_ahead(dt.datetime.now(dt.UTC))
        for month, moment in wanted.items():
            if month not in self._months:
                connection.execute("SELECT skold_audit_partition(%s)", (moment,))
        return set(wanted)

    def _write(self, connection: Connection, records: Sequence[Record], away: PutAway) -> None:
        if not records:
            return
        requests = self._match(connection, records)
        sums = Sums()
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for record, request in zip(records, requests, strict=True):
                row = record.row(self._node, request)
                if not away.holds(record.at, record.leaf.index):
                    copy.write_row(row)
                sums.add(row)
        # Last: what other nodes wait for is locked for the shortest time.
        sums.write(connection)

    def _match(self, connection: Connection, records: Sequence[Record]) -> list[Asked | None]:
        """For each record the request it ends, if it ends one."""
        places = [record.request_place for record in records]
        for record in records:
            if record.kind == "req":
                self._requests[record.place] = record.asked
        missing = [place for place in places if place and place not in self._requests]
        found = _find_requests(connection, missing)
        matched = [
            (self._requests.pop(place, None) or found.get(place)) if place else None
            for place in places
        ]
        while len(self._requests) > REMEMBERED:
            self._requests.popitem(last=False)
        return matched


def _find_requests(connection: Connection, places: Sequence[Place]) -> dict[Place, Asked]:
    if not places:
        return {}
    writers, numbers = zip(*places, strict=True)
    rows = connection.execute(FIND_REQUESTS, (list(writers), list(numbers)))
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


def _months_ahead(now: dt.datetime) -> dict[str, dt.datetime]:
    """This month and the next MONTHS_AHEAD, each with a moment in it."""
    ahead = {}
    for count in range(MONTHS_AHEAD + 1):
        year, month = divmod(now.year * 12 + now.month - 1 + count, 12)
        first = dt.datetime(year, month + 1, 1, tzinfo=dt.UTC)
        ahead[first.strftime("%Y-%m")] = first
    return ahead
