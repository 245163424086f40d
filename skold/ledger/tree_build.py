"""A ledger's hash tiles made from its entry bundles: once, for the ledger of an older release, and
where tiles were lost. Memory is bounded; cut short, it goes on where it was.

    tree-building    {"format": "skold-ledger-tree-1", "leaves": how many are in tiles}; no such
                     file once all are
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import orjson

from skold.disk import Disk, replace_durably
from skold.ledger.bundles import WIDTH, Bundles, LedgerDamagedError
from skold.ledger.tiles import Tiles
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
        hashes = [
            leaf_hash(body)
            for number in range(first, min(first + CHUNK, -(-leaves // WIDTH)))
            for body in bundles.read_bodies(number, min(WIDTH, leaves - number * WIDTH))
        ]
        tree, changed = tree.grow(hashes)
        tiles.write(changed)
        replace_durably(note, orjson.dumps({"format": FORMAT, "leaves": tree.size}))
        for (level, number), tile in changed.items():
            if len(tile) == WIDTH:
                tiles.drop_partials(level, number)
        progress(tree.size, leaves)
    return tree


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
