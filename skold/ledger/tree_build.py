"""A ledger's hash tiles made from its entry bundles: once, for the ledger of an older release, and
where tiles were lost. Memory is bounded; cut short, it goes on where it was.

    tree-building    {"format": "skold-ledger-tree-1", "leaves": how many are in tiles}; no such
                     file once all are
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson

from skold.disk import Disk, replace_durably
from skold.ledger.bundles import WIDTH, Bundles, LedgerDamagedError
from skold.ledger.tiles import HEIGHT, Tiles, tile_path
from skold.ledger.tree import Tree, read_tree
from skold.merkle import leaf_hash

FORMAT = "skold-ledger-tree-1"
CHUNK = 64
"""Bundles between two notes of how far it is: 16,384 leaves."""
log = logging.getLogger(__name__)


def build_tree(
    ledger: str | os.PathLike[str],
    leaves: int,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Tree:
    """Write every tile of the first `leaves` leaves durably, in place of what lies there. Whoever
    calls holds the ledger, and calls `finish_building` once the mark says that tiles are there.

    `progress` is told how many leaves are done, and of how many. Raises LedgerDamagedError naming a
    bundle, OSError.
    """
    bundles, tiles, note = Bundles(ledger), Tiles(ledger), Path(ledger) / "tree-building"
    done = _read_note(note, leaves)
    tree = read_tree(tiles, done)
    log.info("tree_building: %d of %d leaves are in tiles", done, leaves)
    while tree.size < leaves:
        first = tree.size // WIDTH
        tree, changed = tree.grow(_hashes(bundles, first, leaves))
        tiles.write(changed)
        replace_durably(note, orjson.dumps({"format": FORMAT, "leaves": tree.size}))
        for (level, number), tile in changed.items():
            if len(tile) == WIDTH:
                tiles.drop_partials(level, number)
        progress(tree.size, leaves)
    return tree


def compare_tree(ledger: str | os.PathLike[str], leaves: int) -> Iterator[str]:
    """The tiles of the first `leaves` leaves that are missing or do not fit the entries. Raises
    LedgerDamagedError naming a bundle that is missing.
    """
    bundles, tiles, tree = Bundles(ledger), Tiles(ledger), Tree()
    while tree.size < leaves:
        tree, changed = tree.grow(_hashes(bundles, tree.size // WIDTH, leaves))
        for place, hashes in changed.items():
            if len(hashes) == WIDTH:  # unfinished states on the way were perhaps never written
                yield from _compare(tiles, *place, hashes)
    for level, edge in enumerate(tree.edges):
        if edge:
            yield from _compare(tiles, level, leaves >> HEIGHT * (level + 1), edge)


def _compare(tiles: Tiles, level: int, number: int, hashes: Sequence[bytes]) -> Iterator[str]:
    try:
        if tiles.read(level, number, len(hashes)) != list(hashes):
            yield f"{tile_path(level, number, len(hashes))} differs"
    except LedgerDamagedError as error:
        yield str(error)


def _hashes(bundles: Bundles, first: int, leaves: int) -> list[bytes]:
    return [
        leaf_hash(body)
        for number in range(first, min(first + CHUNK, -(-leaves // WIDTH)))
        for body in bundles.read_bodies(number, min(WIDTH, leaves - number * WIDTH))
    ]


def finish_building(ledger: str | os.PathLike[str]) -> None:
    """Forget how far it was; the next call of `build_tree` begins at the first leaf."""
    Disk().unlink(Path(ledger) / "tree-building")
    Disk().sync_folder(Path(ledger))


def _read_note(note: Path, leaves: int) -> int:
    try:
        found = orjson.loads(note.read_bytes())
        done = found["leaves"] if found["format"] == FORMAT else 0
    except FileNotFoundError:
        return 0
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise LedgerDamagedError(
            f"{note.name} is damaged; remove it, and tiles are built again"
        ) from None
    # The last chunk may have ended within a bundle; then there is more by now.
    return done // WIDTH * WIDTH if 0 <= done <= leaves else 0
