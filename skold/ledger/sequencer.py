"""Journal to ledger: every verified record of every writer gets the next leaf number, exactly once.

Works with the disk alone. The order of a step: bundles durable, then the mark. Records of one
writer keep their order. A writer whose chain breaks is an alarm with its name; the others go on.
"""

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from skold.disk import Disk
from skold.journal_reader import Frame, Position, Tail, WriterReader, iter_writers
from skold.ledger.bundles import WIDTH, Bundles
from skold.ledger.mark import Mark, read_ended, read_mark, write_ended, write_mark

LIMIT = 4096
"""Records of a step, so that a step stays below a second and some tens of MB."""
LOOK_AT_TAIL_EVERY = 1.0
"""Seconds between two looks at what the end of a silent writer means."""

log = logging.getLogger(__name__)


class LedgerInUseError(Exception):
    """Another process sequences into this ledger."""


class Sequencer:
    """The one writer of a node's ledger. `alarms` maps damaged writers to what was found."""

    def __init__(
        self,
        journal_dirs: Sequence[str | os.PathLike[str]],
        ledger: str | os.PathLike[str],
        node: str,
        *,
        limit: int = LIMIT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the ledger for itself until `close`. Raises LedgerInUseError, MarkInvalidError,
        LedgerDamagedError."""
        self.alarms: dict[str, str] = {}
        self._dirs = [Path(folder) for folder in journal_dirs]
        self._ledger = Path(ledger)
        self._limit = limit
        self._monotonic = monotonic
        self._bundles = Bundles(ledger)
        self._lock = _lock(self._ledger)
        try:
            self._load(node)
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def mark(self) -> Mark:
        """How far the ledger counts."""
        return self._mark

    def step(self) -> int:
        """Number what has become durable in the journals; returns how many records that were.

        Raises OSError; the next call begins again from the mark.
        """
        frames: list[Frame] = []
        positions: dict[str, Position] = {}
        try:
            for writer, reader in self._iter_readers():
                found = reader.read(self._limit - len(frames))
                if found:
                    frames += found
                    positions[writer] = reader.position
                else:
                    self._look_at_tail(writer, reader)
                if len(frames) >= self._limit:
                    break
            self._commit(frames, positions)
        except BaseException:
            self._readers.clear()  # they may have run ahead of the mark
            raise
        return len(frames)

    def close(self) -> None:
        """Give the ledger free."""
        os.close(self._lock)

    def _load(self, node: str) -> None:
        self._mark = read_mark(self._ledger, node)
        self._ended = read_ended(self._ledger)
        number, width = divmod(self._mark.leaves, WIDTH)
        self._unfinished = self._bundles.read(number, width) if width else []
        self._readers: dict[str, WriterReader] = {}
        self._looked: dict[str, float] = {}
        self._dead: set[str] = set()

    def _iter_readers(self) -> Iterator[tuple[str, WriterReader]]:
        for folder in self._dirs:
            for writer in iter_writers(folder) if folder.is_dir() else ():
                if writer in self._ended:
                    continue
                if writer not in self._readers:
                    position = self._mark.writers.get(writer)
                    self._readers[writer] = WriterReader(folder, writer, position)
                yield writer, self._readers[writer]

    def _commit(self, frames: Sequence[Frame], positions: Mapping[str, Position]) -> None:
        if not frames:
            return
        number = self._mark.leaves // WIDTH
        leaves = self._unfinished + [(frame.body, frame.private) for frame in frames]
        bundles = {
            number + first // WIDTH: leaves[first : first + WIDTH]
            for first in range(0, len(leaves), WIDTH)
        }
        self._bundles.write(bundles)
        mark = Mark(
            self._mark.node,
            self._mark.leaves + len(frames),
            {**self._mark.writers, **positions},
        )
        write_mark(self._ledger, mark)
        self._mark, self._unfinished = mark, leaves[len(leaves) // WIDTH * WIDTH :]
        for full, bundle in bundles.items():
            if len(bundle) == WIDTH:
                self._bundles.drop_partials(full)

    def _look_at_tail(self, writer: str, reader: WriterReader) -> None:
        now = self._monotonic()
        if now - self._looked.get(writer, float("-inf")) < LOOK_AT_TAIL_EVERY:
            return
        self._looked[writer] = now
        tail = reader.tail()
        if tail is Tail.ENDED and writer in self._dead:
            self._retire(writer, reader)
        elif tail is Tail.ENDED:
            # It may have written between our last read and its death: retire it after one more.
            self._dead.add(writer)
        elif tail is Tail.DAMAGED and writer not in self.alarms:
            where = reader.position
            self.alarms[writer] = (
                f"segment {where.segment}, offset {where.offset}, record {where.n}"
            )
            log.error("journal_damaged: writer %s at %s", writer, self.alarms[writer])

    def _retire(self, writer: str, reader: WriterReader) -> None:
        """Remember a dead writer apart, so that the mark does not grow with every restart."""
        position = self._mark.writers.get(writer, reader.position)
        if position != reader.position:
            return  # its last records are not marked yet
        write_ended(self._ledger, {**self._ended, writer: position})
        self._ended[writer] = position
        living = {name: where for name, where in self._mark.writers.items() if name != writer}
        write_mark(self._ledger, Mark(self._mark.node, self._mark.leaves, living))
        self._mark = Mark(self._mark.node, self._mark.leaves, living)
        self._readers.pop(writer, None)
        self._looked.pop(writer, None)
        self._dead.discard(writer)


def _lock(ledger: Path) -> int:
    Disk().make_folder(ledger)
    descriptor = os.open(ledger / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise LedgerInUseError(
            f"{ledger} is sequenced by another process; stop it first"
        ) from error
    return descriptor
