"""`rebuild_ledger`: PostgreSQL's copy of one node proved equal to the ledger, or made so again.

What is missing is filled in. What differs, and what the ledger does not have, is evidence: it is
named and left as it is. Records behind the copy's mark come by the copier itself, so the sums
beside them are right; a gap before the mark had been counted when it was copied, and only gets its
rows back.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from skold.archive.away import PutAway, read_put_away
from skold.ledger.copier import Copier
from skold.ledger.mark import read_mark
from skold.ledger.rows import COPY, months
from skold.rebuild.compare import Difference, Kind, iter_differences
from skold.rebuild.expected import Expected, ExpectedRows

BATCH = 5000
EXAMPLES = 100
"""Differences that are named one by one; all are counted."""
STAND = """
SELECT coalesce((SELECT next_leaf FROM skold_ledgermark WHERE node = %s), 0),
       coalesce((SELECT max(leaf_index) + 1 FROM skold_audit WHERE node = %s), 0)
"""
BEYOND = """
SELECT leaf_index, at FROM skold_audit WHERE node = %s AND leaf_index >= %s
ORDER BY leaf_index LIMIT %s
"""
SET_MARK = """
INSERT INTO skold_ledgermark (node, next_leaf) VALUES (%s, %s)
ON CONFLICT (node) DO UPDATE SET next_leaf = EXCLUDED.next_leaf
WHERE skold_ledgermark.next_leaf < EXCLUDED.next_leaf
"""
Progress = Callable[[int, int], None]
"""(leaves done, leaves in all)."""


@dataclass(slots=True)
class Outcome:
    """What was found. `filled` rows were missing and are there now; `waiting` ones the bridge has
    yet to copy; `put_away` ones lie in archived months."""

    node: str
    leaves: int
    rows: int = 0
    filled: int = 0
    copied: int = 0
    put_away: int = 0
    waiting: int = 0
    counts: dict[Kind, int] = field(default_factory=dict)
    examples: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether the copy holds what the ledger says, and nothing else."""
        return not self.waiting and not any(self.counts.values())

    def note(self, found: Difference) -> None:
        """Count a difference, and keep it if it is among the first."""
        self.counts[found.kind] = self.counts.get(found.kind, 0) + 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(found)


class Rebuild:
    """Compares and fills one node's copy. Raises psycopg.Error, LedgerDamagedError,
    RedactionListInvalid."""

    def __init__(
        self,
        ledger: str | os.PathLike[str],
        node: str,
        conninfo: str,
        *,
        progress: Progress = lambda _done, _all: None,
        patience: float = 10.0,
    ) -> None:
        """`patience`: seconds that a check gives the bridge to copy what had been numbered when it
        began."""
        self._ledger, self._node, self._conninfo = ledger, node, conninfo
        self._progress, self._patience = progress, patience

    def check(self) -> Outcome:
        """Compare alone."""
        leaves = read_mark(self._ledger, self._node).leaves
        with self._connect() as connection:
            mark = self._wait_for(connection, leaves)
            outcome = Outcome(self._node, leaves, waiting=max(0, leaves - mark))
            self._walk(connection, outcome, self._end(connection, leaves), fill=False)
            self._find_surplus(connection, outcome)
        return outcome

    def run(self) -> Outcome:
        """Fill what is missing, then copy what is new. Killed anywhere, the next run goes on."""
        leaves = read_mark(self._ledger, self._node).leaves
        with self._connect() as connection:
            outcome = Outcome(self._node, leaves)
            mark, _rows = self._stand(connection)
            end = self._end(connection, leaves)
            self._walk(connection, outcome, end, fill=True)
            self._find_surplus(connection, outcome)
            if end > mark and not outcome.counts.get("surplus"):
                # Rows behind the mark, equal to the ledger: the mark was lost or set back.
                connection.execute(SET_MARK, (self._node, end))
        if not outcome.counts.get("surplus"):
            outcome.copied = self._copy_rest()
        return outcome

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self._conninfo,
            autocommit=True,
            connect_timeout=5,
            application_name="skold rebuild",
            options="-c TimeZone=UTC",
        )

    def _walk(
        self, connection: psycopg.Connection[Any], outcome: Outcome, end: int, *, fill: bool
    ) -> None:
        rows = ExpectedRows(self._ledger, self._node)
        for start in range(0, end, BATCH):
            until = min(start + BATCH, end)
            away = read_put_away(connection, self._node)
            batch = rows.batch(rows.iter_leaves(start, until, outcome.leaves), connection)
            stand = [each for each in batch if not _is_away(away, each)]
            outcome.put_away += len(batch) - len(stand)
            outcome.rows += len(stand)
            found = [*iter_differences(connection, self._node, stand)]
            missing = {each.leaf for each in found if each.kind == "missing"}
            if missing and fill:
                self._fill(connection, [e for e in stand if e.record.leaf.index in missing])
                outcome.filled += len(missing)
                found = [each for each in found if each.kind != "missing"]
            for each in found:
                outcome.note(each)
            self._progress(until, outcome.leaves)

    def _fill(self, connection: psycopg.Connection[Any], missing: Sequence[Expected]) -> None:
        with connection.transaction():
            # The copier and another rebuild take turns with us.
            connection.execute(
                "SELECT next_leaf FROM skold_ledgermark WHERE node = %s FOR UPDATE", (self._node,)
            )
            for moment in months([each.record for each in missing]).values():
                connection.execute("SELECT skold_audit_partition(%s)", (moment,))
            with connection.cursor() as cursor, cursor.copy(COPY) as copy:
                for each in missing:
                    copy.write_row(each.row)

    def _find_surplus(self, connection: psycopg.Connection[Any], outcome: Outcome) -> None:
        """Rows of numbers that the ledger does not have. It is ahead of its copy, so what it holds
        by now is asked after the rows."""
        found = connection.execute(BEYOND, (self._node, outcome.leaves, EXAMPLES)).fetchall()
        fresh = read_mark(self._ledger, self._node).leaves
        for leaf, at in found:
            if leaf >= fresh:
                outcome.note(Difference("surplus", leaf, at))

    def _copy_rest(self) -> int:
        copier = Copier(self._ledger, self._node, self._conninfo)
        total = 0
        try:
            while copied := copier.step():
                total += copied
                self._progress(copier.copied or 0, (copier.copied or 0) + copier.behind)
        finally:
            copier.close()
        return total

    def _stand(self, connection: psycopg.Connection[Any]) -> tuple[int, int]:
        """The mark, and the number behind the last row."""
        row = connection.execute(STAND, (self._node, self._node)).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def _end(self, connection: psycopg.Connection[Any], leaves: int) -> int:
        """How far there is something to compare."""
        return min(leaves, max(self._stand(connection)))

    def _wait_for(self, connection: psycopg.Connection[Any], leaves: int) -> int:
        until = time.monotonic() + self._patience
        while (mark := self._stand(connection)[0]) < leaves and time.monotonic() < until:
            time.sleep(0.2)
        return mark


def _is_away(away: PutAway, each: Expected) -> bool:
    return away.holds(each.record.at, each.record.leaf.index)
