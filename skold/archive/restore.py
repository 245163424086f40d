"""The list of archived months made again from the files themselves, for a database that lost it."""

import os
from pathlib import Path
from typing import Any

import psycopg

from skold.archive.archive import COUNT, NOTE
from skold.archive.collect import verify
from skold.archive.month_file import MonthFile, Written
from skold.archive.months import bounds, first_day
from skold.ledger.proofs import TreeReader

KNOWN = "SELECT path FROM skold_archivedmonth WHERE node = %s"
ACTOR = "rebuild_ledger"


def unlisted(archive: Path, node: str, connection: psycopg.Connection[Any]) -> list[MonthFile]:
    """Files of this node that the database does not know; of several of one month the newest.

    Raises MonthFileDamaged, psycopg.Error.
    """
    known = {path for (path,) in connection.execute(KNOWN, (node,))}
    listed = {Path(path).name.partition(".")[0] for path in known}
    newest: dict[str, MonthFile] = {}
    for path in sorted((archive / node).glob("*.skam")):
        if path.name.partition(".")[0] not in listed:
            file = MonthFile(path)
            newest[file.header.month] = file
    return list(newest.values())


def list_again(
    files: list[MonthFile],
    *,
    archive: Path,
    node: str,
    ledger: str | os.PathLike[str],
    connection: psycopg.Connection[Any],
) -> list[Written]:
    """Read each file, hold it against the tree, and note it.

    Raises MonthFileDamaged, NotInLedgerError, LedgerDamagedError, psycopg.Error.
    """
    tree = TreeReader(ledger)
    size = tree.checkpoint().size if files else 0
    written = []
    for file in files:
        checked = file.check()
        verify(file.iter_leaves(), tree, size)
        _note(connection, node, file, checked, str(file.path.relative_to(archive)))
        written.append(checked)
    return written


def _note(
    connection: psycopg.Connection[Any], node: str, file: MonthFile, checked: Written, path: str
) -> None:
    header = file.header
    found = connection.execute(COUNT, (node, *bounds(header.month))).fetchone()
    standing = bool(found and found[0])
    about = (path, checked.sha256, checked.size, checked.records, header.leaves, ACTOR, standing)
    connection.execute(NOTE, (node, first_day(header.month), *about))
