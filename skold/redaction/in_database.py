"""Private parts taken out of PostgreSQL, as the role that may do nothing else."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from skold.archive.month_file import Written
from skold.archive.months import first_day
from skold.database_roles import REDACTOR
from skold.flood import network_of
from skold.redaction.selection import Found

BATCH = 1000
BECOME = f"SET LOCAL ROLE {REDACTOR}"
HOLD = "SELECT next_leaf FROM skold_ledgermark WHERE node = %s FOR UPDATE"
EMPTY = """
UPDATE skold_audit SET private = '{}'
WHERE node = %s AND leaf_index = ANY(%s) AND private <> '{}'
"""
FORGET = """
DELETE FROM skold_knownnetwork
WHERE (client, network) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""
CHANGED = """
UPDATE skold_archivedmonth SET sha256 = %s, size = %s WHERE node = %s AND month = %s
"""

Connection = psycopg.Connection[Any]


def empty_rows(connection: Connection, node: str, leaves: Iterable[int]) -> int:
    """Empty `private` of these rows; returns how many had one. Raises psycopg.Error.

    The mark is held meanwhile: whatever the copier had read before the ledger on disk was changed
    is in the table by then, and what it reads later comes without.
    """
    emptied = 0
    for batch in _batches(leaves):
        with connection.transaction():
            connection.execute(HOLD, (node,))
            connection.execute(BECOME)
            emptied += connection.execute(EMPTY, (node, batch)).rowcount
    return emptied


def forget_networks(connection: Connection, found: Iterable[Found]) -> int:
    """Take networks out of the list of known ones that these records had brought there."""
    known = sorted(
        {(each.client[:64], network_of(each.network)[:49]) for each in found if each.network}
    )
    if not known:
        return 0
    clients, networks = zip(*known, strict=True)
    with connection.transaction():
        connection.execute(BECOME)
        return connection.execute(FORGET, (list(clients), list(networks))).rowcount


def note_file(connection: Connection, node: str, month: str, file: Written) -> None:
    """An archived file was written anew."""
    with connection.transaction():
        connection.execute(BECOME)
        connection.execute(CHANGED, (file.sha256, file.size, node, first_day(month)))


def _batches(leaves: Iterable[int]) -> Iterable[Sequence[int]]:
    batch: list[int] = []
    for leaf in leaves:
        batch.append(leaf)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
