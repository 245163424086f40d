"""Journal to ledger: every verified record of every writer gets the next leaf number, exactly once.

Works with the disk alone. The order of a step: bundles durable, hash tiles durable, the mark, the
checkpoint. So whatever counts has its hash, and whatever is signed counts. Records of one writer
keep their order. A writer whose chain breaks is an alarm with its name; the others go on.
"""

import dataclasses
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from skold.disk import Disk
from skold.journal_reader import Frame, Position, WriterReader
from skold.ledger.bundles import WIDTH, Bundles
from skold.ledger.checkpointer import Checkpointer
from skold.ledger.mark import Mark, read_ended, read_mark, write_ended, write_mark
from skold.ledger.tile_check import check_edge
from skold.ledger.tiles import Tiles
from skold.ledger.tree import Tree, read_tree
from skold.ledger.tree_build import build_tree, finish_building
from skold.ledger.writers import Writers

LIMIT = 4096
"""Records of a step, so that a step stays below a second and some tens of MB."""


class LedgerInUseError(Exception):
    """Another process sequences into this ledger."""


class Sequencer:
    """The one writer of a node's ledger."""

    def __init__(
        self,
        journal_dirs: Sequence[str | os.PathLike[str]],
        ledger: str | os.PathLike[str],
        node: str,
        *,
        checkpointer: Checkpointer | None = None,
        limit: int = LIMIT,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Takes the ledger for itself until `close`. Makes the tiles of a ledger that has none,
        which takes minutes for tens of millions of leaves.

        Raises LedgerInUseError, MarkInvalidError, LedgerDamagedError, and what
        `Checkpointer.hold` raises.
        """
        self.covered_at: float | None = None
        """When all that was durable in the journals was last under a checkpoint; epoch seconds."""
        self._ledger = Path(ledger)
        self._limit = limit
        self._clock = clock
        self._checkpointer = checkpointer
        self._bundles, self._tiles = Bundles(ledger), Tiles(ledger)
        self._lock = _lock(self._ledger)
        try:
            self._mark = read_mark(ledger, node)
            self._tree = self._open_tree()
            self._unfinished = self._read_unfinished()
            check_edge(self._tiles, self._tree, [body for body, _ in self._unfinished])
            if checkpointer is not None:
                checkpointer.hold(self._tiles, self._tree)
            self._writers = Writers(journal_dirs, read_ended(ledger), monotonic)
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def mark(self) -> Mark:
        """How far the ledger counts."""
        return self._mark

    @property
    def alarms(self) -> Mapping[str, str]:
        """Damaged writers, and what was found."""
        return self._writers.alarms

    def step(self) -> int:
        """Number what has become durable in the journals, and sign; returns how many records that
        were.

        Raises OSError; the next call begins again from the mark.
        """
        began = self._clock()
        try:
            frames, positions = self._collect()
            self._commit(frames, positions)
        except BaseException:
            self._writers.forget_positions()  # readers may have run ahead of the mark
            raise
        if self._checkpointer is not None:
            self._checkpointer.write(self._tree)
            if len(frames) < self._limit:
                self.covered_at = began
        return len(frames)

    def close(self) -> None:
        """Give the ledger free."""
        os.close(self._lock)

    def _collect(self) -> tuple[list[Frame], dict[str, Position]]:
        frames: list[Frame] = []
        positions: dict[str, Position] = {}
        for writer, reader in self._writers.iter_readers(self._mark.writers):
            found = reader.read(self._limit - len(frames))
            if found:
                frames += found
                positions[writer] = reader.position
                self._writers.check_private(writer, found)
            elif self._writers.has_ended(writer, reader):
                self._retire(writer, reader)
            if len(frames) >= self._limit:
                break
        return frames, positions

    def _commit(self, frames: Sequence[Frame], positions: Mapping[str, Position]) -> None:
        if not frames:
            return
        number = self._mark.leaves // WIDTH
        leaves = self._unfinished + [(frame.body, frame.private) for frame in frames]
        bundles = {
            number + first // WIDTH: leaves[first : first + WIDTH]
            for first in range(0, len(leaves), WIDTH)
        }
        tree, tiles = self._tree.grow(frame.leaf for frame in frames)
        self._bundles.write(bundles)
        self._tiles.write(tiles)
        mark = Mark(self._mark.node, tree.size, {**self._mark.writers, **positions})
        write_mark(self._ledger, mark)
        self._mark, self._tree = mark, tree
        self._unfinished = leaves[len(leaves) // WIDTH * WIDTH :]
        for full, bundle in bundles.items():
            if len(bundle) == WIDTH:
                self._bundles.drop_partials(full)
        for place, hashes in tiles.items():
            if len(hashes) == WIDTH:
                self._tiles.drop_partials(*place)

    def _retire(self, writer: str, reader: WriterReader) -> None:
        """Remember a dead writer apart, so that the mark does not grow with every restart."""
        position = self._mark.writers.get(writer, reader.position)
        write_ended(self._ledger, {**self._writers.ended, writer: position})
        living = {name: where for name, where in self._mark.writers.items() if name != writer}
        mark = Mark(self._mark.node, self._mark.leaves, living)
        write_mark(self._ledger, mark)
        self._mark = mark
        self._writers.retire(writer, position)

    def _open_tree(self) -> Tree:
        mark = self._mark
        if mark.tiles:
            return read_tree(self._tiles, mark.leaves)
        tree = build_tree(self._ledger, mark.leaves)
        self._mark = dataclasses.replace(mark, tiles=True)
        write_mark(self._ledger, self._mark)
        finish_building(self._ledger)
        return tree

    def _read_unfinished(self) -> list[tuple[bytes, bytes]]:
        number, width = divmod(self._mark.leaves, WIDTH)
        return self._bundles.read(number, width) if width else []


@contextmanager
def locked(ledger: str | os.PathLike[str]) -> Iterator[None]:
    """Nobody sequences within the block. Raises LedgerInUseError."""
    descriptor = _lock(Path(ledger))
    try:
        yield
    finally:
        os.close(descriptor)


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
