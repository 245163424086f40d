"""How far the copies of the audit are behind: journal -> ledger -> PostgreSQL."""

import contextlib
import datetime as dt
import os
from dataclasses import dataclass

from skold.control.review_parts import ReviewParts
from skold.journal_reader import WriterReader, iter_writers
from skold.ledger.mark import MarkInvalidError, read_ended, read_mark
from skold.models import LedgerMark

MOST = 10_000
"""Records counted at most: beyond, the number does not matter any more."""


@dataclass(frozen=True, slots=True)
class Lag:
    """Records. `journal`: durable, and not in the ledger yet (MOST means: or more).
    `copy`: in the ledger, and not in PostgreSQL yet. `moved_at`: when the ledger last grew."""

    journal: int
    copy: int
    leaves: int
    copied: int
    moved_at: dt.datetime | None


def read_lag(parts: ReviewParts) -> Lag:
    """From disk and database. Raises MarkInvalidError, OSError."""
    mark = read_mark(parts.ledger, parts.node)
    row = LedgerMark.objects.filter(node=parts.node).first()
    copied = row.next_leaf if row else 0
    moved = None
    with contextlib.suppress(FileNotFoundError):
        moved = dt.datetime.fromtimestamp(os.stat(parts.ledger / "mark").st_mtime, dt.UTC)
    return Lag(_waiting(parts), max(0, mark.leaves - copied), mark.leaves, copied, moved)


def find_lag(parts: ReviewParts) -> Lag | None:
    """None where the ledger cannot be read."""
    with contextlib.suppress(MarkInvalidError, OSError):
        return read_lag(parts)
    return None


def _waiting(parts: ReviewParts) -> int:
    """Records behind the positions that the mark names. A beat is none."""
    mark, ended = read_mark(parts.ledger, parts.node), read_ended(parts.ledger)
    waiting = 0
    for folder in parts.journals:
        for writer in iter_writers(folder):
            if writer in ended:
                continue
            reader = WriterReader(folder, writer, mark.writers.get(writer))
            waiting += len(reader.read(MOST - waiting))
            if waiting >= MOST:
                return MOST
    return waiting
