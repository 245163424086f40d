"""A redaction carried out, once and for all: the list, then everything that holds private parts.

    1 list       ledger/redacted/<number>.json, durable: from here on nothing is searched for again
    2 networks   what the sums remember of these records, while the private parts still tell it
    3 bundles    the ledger's private parts
    4 journals   segments that still stand
    5 archive    files of archived months
    6 rows       PostgreSQL, and the networks once more: the copier may have been faster

Killed anywhere, it begins again at 2 and finds the rest. Bodies stay, so every proof stays valid.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg

from skold.archive.lock import archive_lock
from skold.archive.month_file import MonthFile
from skold.ledger.mark import read_mark
from skold.redaction.in_database import empty_rows, forget_networks, note_file
from skold.redaction.listed import Listed, RedactedLeaves
from skold.redaction.on_disk import blank_bundles, blank_journals
from skold.redaction.selection import Found, found_at

ARCHIVE_PATIENCE = 2.0

Resting = Callable[[], AbstractContextManager[None]]
Step = Callable[[str], None]


class CarryOut:
    """Works on one node's files and on its rows.

    Raises psycopg.Error, OSError, ArchiveInUseError, LedgerDamagedError, MonthFileDamaged: repeat.
    """

    def __init__(
        self,
        *,
        ledger: str | os.PathLike[str],
        journal_dirs: Sequence[str | os.PathLike[str]],
        archive: Path,
        node: str,
        resting: Resting,
        step: Step = lambda _name: None,
    ) -> None:
        """`resting`: a block in which nobody sequences into the ledger."""
        self._ledger, self._journal_dirs = ledger, journal_dirs
        self._archive, self._node = archive, node
        self._resting, self._step = resting, step

    def everywhere(self, listed: Listed, connection: psycopg.Connection[Any]) -> None:
        """Steps 2 to 6. `connection` is an autocommit one of the bridge's user."""
        self._step("networks")
        found = self._found(listed)
        forget_networks(connection, found)
        files = self.on_disk(listed)
        for month, path in files:
            note_file(connection, self._node, month, MonthFile(path).check())
        self._step("rows")
        empty_rows(connection, self._node, listed.iter_leaves())
        forget_networks(connection, found)

    def on_disk(self, listed: Listed) -> list[tuple[str, Path]]:
        """Steps 3 to 5, which need no database; returns month and path of this node's files."""
        size = read_mark(self._ledger, self._node).leaves
        leaves = [leaf for leaf in listed.iter_leaves() if leaf < size]
        self._step("bundles")
        with self._resting():
            blank_bundles(self._ledger, leaves)
        self._step("journals")
        blank_journals(self._journal_dirs, self._ledger, leaves, size)
        self._step("archive")
        return self._redact_files(RedactedLeaves(listed.leaves))

    def _redact_files(self, redacted: RedactedLeaves) -> list[tuple[str, Path]]:
        folder = self._archive / self._node
        if not folder.is_dir():
            return []
        files = []
        with archive_lock(self._archive, patience=ARCHIVE_PATIENCE):
            for left in folder.glob("*.new"):
                left.unlink()
            for path in sorted(folder.glob("*.skam")):
                file = MonthFile(path)
                file.redact(redacted.__contains__)
                files.append((file.header.month, path))
        return files

    def _found(self, listed: Listed) -> list[Found]:
        size = read_mark(self._ledger, self._node).leaves
        numbers: Iterable[int] = (leaf for leaf in listed.iter_leaves() if leaf < size)
        return list(found_at(self._ledger, iter(numbers), size))
