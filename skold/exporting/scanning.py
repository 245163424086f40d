"""Leaves found in the ledger on disk, without a database: which records are of a time, a client, a
file.

Every body is looked at. So nothing is missed that PostgreSQL no longer holds, or that somebody took
out of it.
"""

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from skold.exporting.selection import Selection
from skold.ledger.bundles import WIDTH, Bundles
from skold.ledger.proofs import TreeReader
from skold.verifier.verify_audit import fields_of

_AT = re.compile(rb'[{,]"at":"([^"]{27})"')
_DONE = b'"kind":"done"'

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; all given hold at once. Times as records write them (UTC, six digits of a
    second, `Z`): from `since` on, before `until`. `address` is that of a file, in hex.
    """

    since: str | None = None
    until: str | None = None
    client: str | None = None
    address: str | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether more than a time was asked for."""
        return self.client is not None or self.address is not None


def find_selection(
    ledger: Path,
    wanted: Wanted,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Selection:
    """All leaves, one stretch without gaps where only a time is wanted, else each one that matches.

    A stretch goes from the first record of the time to the last: some that reached the log late
    lie between them and have another time. With a request comes its end. Raises NoCheckpointError,
    LedgerDamagedError, OSError.
    """
    if wanted == Wanted():
        return Selection.all()
    size = TreeReader(ledger).checkpoint().size
    scan, bundles = _Scan(wanted), Bundles(ledger)
    for number in range(-(-size // WIDTH)):
        first = number * WIDTH
        bodies = bundles.read_bodies(number, min(WIDTH, size - first))
        for leaf, body in enumerate(bodies, first):
            scan.look(leaf, body)
        progress(min(first + WIDTH, size), size)
    if wanted.is_filtered:
        return Selection("selection", scan.found)
    return (
        Selection.period(scan.found[0], scan.found[-1] + 1)
        if scan.found
        else Selection.period(0, 0)
    )


class _Scan:
    """Looks at bodies as bytes: within a text of JSON each quotation mark is escaped, so a member's
    name and value in their marks stand nowhere else."""

    def __init__(self, wanted: Wanted) -> None:
        self.found = array("q")  # 8 bytes for each leaf
        self._since = (wanted.since or "").encode()
        self._until = (wanted.until or "~").encode()
        self._members = [
            b'"%b":%b' % (name, orjson.dumps(value))
            for name, value in ((b"client", wanted.client), (b"address", wanted.address))
            if value is not None
        ]
        self._open: set[Place] = set()

    def look(self, leaf: int, body: bytes) -> None:
        if self._members and _DONE in body:
            if self._open and self._ends_one(body):
                self.found.append(leaf)
            return
        if not all(member in body for member in self._members) or not self._is_in_time(body):
            return
        if not self._members:
            self.found[1:] = array("q", [leaf])  # the first and the last are enough
            return
        self.found.append(leaf)
        fields = fields_of(body)
        if fields.get("kind") == "req":
            self._open.add((str(fields.get("writer")), int(fields.get("n") or 0)))

    def _is_in_time(self, body: bytes) -> bool:
        at = _AT.search(body)
        return at is not None and self._since <= at[1] < self._until

    def _ends_one(self, body: bytes) -> bool:
        fields = fields_of(body)
        place = str(fields.get("ref_writer", fields.get("writer"))), int(fields.get("ref") or 0)
        if place not in self._open:
            return False
        if "again" not in fields:
            self._open.discard(place)
        return True
