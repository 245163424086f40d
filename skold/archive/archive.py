"""A month leaves PostgreSQL: written to a file, read back, proved, and only then dropped there.

The order, so that a kill anywhere loses nothing: rows compared with the ledger; file durable; file
read again and every record held against the tree; noted in the database; partition detached and
dropped, by a function of the database that counts once more. Each step finds what the one before
left. The ledger on disk keeps every record.
"""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import errors

from skold.archive.away import read_put_away
from skold.archive.collect import Collector, verify
from skold.archive.month_file import Header, MonthFile, MonthFileDamaged, Written, write_month
from skold.archive.months import bounds, first_day
from skold.ledger.bundles import Leaf
from skold.ledger.proofs import TreeReader
from skold.ledger.rows import COPY
from skold.rebuild.compare import Difference, iter_differences
from skold.rebuild.expected import ExpectedRows
from skold.redaction.listed import redacted_leaves

BATCH = 2000
LOCK_TIMEOUT = "3s"
"""How long readers of the audit may have to stand behind us while a partition goes."""
NOTE = """
INSERT INTO skold_archivedmonth
       (node, month, path, sha256, size, records, leaves, archived_at, archived_by, standing)
VALUES (%s, %s, %s, %s, %s, %s, %s, now(), %s, %s)
ON CONFLICT (node, month) DO UPDATE
SET path = EXCLUDED.path, sha256 = EXCLUDED.sha256, size = EXCLUDED.size,
    records = EXCLUDED.records, leaves = EXCLUDED.leaves, archived_at = EXCLUDED.archived_at,
    archived_by = EXCLUDED.archived_by, standing = skold_archivedmonth.standing
"""
FIND = (
    "SELECT path, sha256, leaves, standing FROM skold_archivedmonth WHERE node = %s AND month = %s"
)
COUNT = "SELECT count(*) FROM skold_audit WHERE node = %s AND at >= %s AND at < %s"
Result = Literal["archived", "would archive", "differs", "waits for other nodes", "empty"]
Step = Callable[[str], None]
"""Told the name of each step as it begins; tests kill there."""


class NotArchivedError(Exception):
    """No file of this month is known here; the text says which."""


@dataclass(slots=True)
class MonthOutcome:
    """What became of one month."""

    month: str
    result: Result
    records: int = 0
    size: int = 0
    path: str = ""
    reason: str = ""
    differences: list[Difference] = field(default_factory=list)


class Archiver:
    """Works for one node. The caller holds `archive_lock`.

    Raises psycopg.Error, LedgerDamagedError, NoCheckpointError, MonthFileDamaged, OSError.
    """

    def __init__(
        self,
        *,
        ledger: str | os.PathLike[str],
        archive: Path,
        node: str,
        actor: str,
        connection: psycopg.Connection[Any],
        step: Step = lambda _name: None,
    ) -> None:
        """`connection` is an autocommit one, with UTC as its time zone."""
        self._ledger, self._archive, self._node = ledger, archive, node
        self._actor, self._connection, self._step = actor, connection, step
        self._tree = TreeReader(ledger)

    def archive(
        self, months: Iterable[str], progress: Callable[[int, int], None], *, dry_run: bool = False
    ) -> Iterator[MonthOutcome]:
        """Put each of these months away, oldest first."""
        size = self._tree.checkpoint().size
        collector = Collector(self._ledger, size)
        for month, numbers in collector.find_bundles(months, progress).items():
            yield self._archive_month(month, collector, numbers, size, dry_run=dry_run)

    def read_back(self, month: str) -> MonthOutcome:
        """Bring an archived month of this node into PostgreSQL again, to be read. Raises
        NotArchivedError."""
        file = self._find_file(month)
        written = file.check()
        rows = ExpectedRows(self._ledger, self._node)
        size = self._tree.checkpoint().size
        verify(file.iter_leaves(), self._tree, size)
        with self._connection.transaction():
            (table,) = self._one("SELECT skold_audit_begin_reading(%s)", first_day(month))
            copy_sql = COPY.replace("skold_audit ", f"{table} ", 1)
            first = True
            for batch in _batches(file.iter_leaves()):
                if first:
                    rows.warm(batch[0].index, size)
                    first = False
                expected = rows.batch(batch, self._connection)
                with self._connection.cursor() as cursor, cursor.copy(copy_sql) as copy:
                    for each in expected:
                        copy.write_row(each.row)
            self._one("SELECT skold_audit_bring_back(%s, %s)", first_day(month), self._node)
        return MonthOutcome(month, "archived", written.records, written.size, str(file.path))

    def put_away(self, month: str) -> MonthOutcome:
        """Drop a month again that was brought back. Raises NotArchivedError."""
        written = self._find_file(month).check()
        reason = self._drop(month)
        return MonthOutcome(
            month,
            "waits for other nodes" if reason else "archived",
            written.records,
            written.size,
            str(written.path),
            reason,
        )

    def _archive_month(
        self, month: str, collector: Collector, numbers: Iterable[int], size: int, *, dry_run: bool
    ) -> MonthOutcome:
        self._step("compare")
        indexes, differences = self._compare(month, collector.iter_month(month, numbers), size)
        if not indexes and not differences:
            return MonthOutcome(month, "empty")
        if differences:
            return MonthOutcome(month, "differs", len(indexes), differences=differences)
        if dry_run:
            return MonthOutcome(month, "would archive", len(indexes))
        file = self._obtain_file(month, collector, numbers, indexes, size)
        self._step("note")
        self._note(month, file)
        self._step("drop")
        reason = self._drop(month)
        self._step("tidy")
        self._remove_older(month, file.path)
        result: Result = "waits for other nodes" if reason else "archived"
        return MonthOutcome(month, result, file.records, file.size, str(file.path), reason)

    def _compare(
        self, month: str, leaves: Iterator[Leaf], size: int
    ) -> "tuple[array[int], list[Difference]]":
        """The numbers of the month's records; and where rows and ledger differ, which is evidence
        that must not go with the partition."""
        rows = ExpectedRows(self._ledger, self._node)
        away = read_put_away(self._connection, self._node)
        indexes, stand = array("Q"), 0
        differences: list[Difference] = []
        for batch in _batches(leaves):
            if not indexes:
                rows.warm(batch[0].index, size)
            indexes.extend([leaf.index for leaf in batch])
            wanted = [
                each
                for each in rows.batch(batch, self._connection)
                if not away.holds(each.record.at, each.record.leaf.index)
            ]
            stand += len(wanted)
            differences += iter_differences(self._connection, self._node, wanted, bounds(month))
        (count,) = self._one(COUNT, self._node, *bounds(month))
        surplus = count - stand
        if surplus and not differences:
            begin, _end = bounds(month)
            differences.append(Difference("surplus", -1, begin, (f"{surplus} rows",)))
        return indexes, differences

    def _obtain_file(
        self,
        month: str,
        collector: Collector,
        numbers: Iterable[int],
        indexes: "array[int]",
        size: int,
    ) -> Written:
        """The file of the month: one that stands already and holds exactly these records, or a new
        one; proved either way."""
        path = self._archive / self._node / f"{month}.{size:012d}.skam"
        for found in sorted(path.parent.glob(f"{month}.*.skam")):
            if _holds(found, indexes):
                path = found
                break
        else:
            self._step("write")
            header = Header(self._node, month, size, self._tree.checkpoint_text())
            write_month(
                path,
                header,
                ((leaf.index, leaf.body) for leaf in collector.iter_month(month, numbers)),
                collector.iter_privates(indexes, redacted_leaves(self._ledger, self._node)),
            )
        self._step("verify")
        file = MonthFile(path)
        written = file.check()
        found_records = verify(file.iter_leaves(), self._tree, size)
        if found_records != len(indexes):
            raise MonthFileDamaged(f"{path} holds {found_records} records, not {len(indexes)}")
        return written

    def _note(self, month: str, file: Written) -> None:
        known = self._connection.execute(FIND, (self._node, first_day(month))).fetchone()
        leaves = MonthFile(file.path).header.leaves
        if known and known[:3] == (self._relative(file.path), file.sha256, leaves):
            return
        standing = known[3] if known else True
        self._connection.execute(
            NOTE,
            (
                *(self._node, first_day(month), self._relative(file.path), file.sha256),
                *(file.size, file.records, leaves, self._actor[:150], standing),
            ),
        )

    def _drop(self, month: str) -> str:
        """Detach and drop the partition; says why where rows of another node keep it."""
        try:
            with self._connection.transaction():
                self._connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                self._one("SELECT skold_audit_put_away(%s)", first_day(month))
        except errors.ObjectNotInPrerequisiteState as error:
            return error.diag.message_primary or str(error)
        except errors.LockNotAvailable:
            return "somebody is reading the audit; run it again"
        return ""

    def _remove_older(self, month: str, kept: Path) -> None:
        for path in kept.parent.glob(f"{month}.*.skam"):
            if path != kept:
                path.unlink()

    def _find_file(self, month: str) -> MonthFile:
        known = self._connection.execute(FIND, (self._node, first_day(month))).fetchone()
        if known is None:
            raise NotArchivedError(f"{month} of {self._node} was not archived")
        return MonthFile(self._archive / known[0])

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self._archive))

    def _one(self, query: str, *values: Any) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        assert row is not None  # each of these queries gives exactly one row
        return row


def _holds(path: Path, indexes: "array[int]") -> bool:
    """Whether the file can be read and holds exactly the records of these numbers."""
    try:
        file = MonthFile(path)
        file.check()
        return [leaf.index for leaf in file.iter_leaves()] == indexes.tolist()
    except MonthFileDamaged:
        return False


def _batches(leaves: Iterator[Leaf]) -> Iterator[list[Leaf]]:
    batch: list[Leaf] = []
    for leaf in leaves:
        batch.append(leaf)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
