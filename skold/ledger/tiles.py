"""Hash tiles of a ledger on disk (c2sp.org/tlog-tiles): 256 hashes of one level in a file.

    tile/0/x001/234       hashes of the leaves 316,416 to 316,671
    tile/0/x001/235.p/44  the first 44 of a tile that is not full yet
    tile/1/004            roots of 256 full tiles of level 0 each; and so on

A tile only ever grows, so the first hashes of a newer state are those of every older one.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from skold.ledger.bundles import WIDTH, LedgerDamagedError, bundle_path
from skold.ledger.files import replace_all_durably
from skold.merkle import HASH_SIZE, make_root, root_of

HEIGHT = 8
"""Levels of the tree that one tile spans."""
LAST_LEVEL = 63

Place = tuple[int, int]
"""Level of a tile and its number in the level."""


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """The path of a tile below the ledger."""
    return f"tile/{level}/{bundle_path(number, width)}"


def parse_tile_path(text: str) -> tuple[int | None, int, int]:
    """(level, number, width) of a path as tlog-tiles spells it behind `tile/`; the level of entry
    bundles is None. Raises ValueError for every other spelling.
    """
    head, _, rest = text.partition("/")
    spelt, _, width = rest.partition(".p/")
    digits = spelt.replace("x", "").replace("/", "")
    if not all(part.isascii() and part.isdecimal() for part in (digits, width or "1")):
        raise ValueError(f"{text} is no tile")
    number, held = int(digits), int(width or WIDTH)
    if head == "entries":
        level, name = None, f"tile/entries/{bundle_path(number, held)}"
    else:
        level = int(head) if head.isascii() and head.isdecimal() else LAST_LEVEL + 1
        name = tile_path(level, number, held)
    if name != f"tile/{text}" or not 1 <= held <= WIDTH or (level or 0) > LAST_LEVEL:
        raise ValueError(f"{text} is no tile")
    return level, number, held


def width_of(level: int, number: int, size: int) -> int:
    """How many hashes a tile holds in a tree of `size` leaves; 0 or less where it has none."""
    return min(WIDTH, (size >> HEIGHT * level) - number * WIDTH)


class Tiles:
    """Reads and writes the tiles below one ledger folder."""

    def __init__(self, ledger: str | os.PathLike[str]) -> None:
        self._ledger = Path(ledger)

    def write(self, tiles: Mapping[Place, Sequence[bytes]]) -> None:
        """Make tiles durable, in place of those of the same number and width."""
        replace_all_durably(
            {
                self._ledger / tile_path(*place, len(hashes)): b"".join(hashes)
                for place, hashes in tiles.items()
            }
        )

    def read(self, level: int, number: int, width: int) -> list[bytes]:
        """The first `width` hashes of a tile. `width` must be that of a tree whose tiles were all
        written: what lies under another one may be left over from a crash.

        Raises LedgerDamagedError naming a tile that is missing or has another length.
        """
        # The unfinished state may be gone by now, because the tile has become full meanwhile.
        for candidate in dict.fromkeys((width, WIDTH)):
            name = tile_path(level, number, candidate)
            try:
                raw = (self._ledger / name).read_bytes()
            except FileNotFoundError:
                continue
            if len(raw) != candidate * HASH_SIZE:
                raise LedgerDamagedError(f"{name} has {len(raw)} bytes, not {candidate} hashes")
            return [raw[at : at + HASH_SIZE] for at in range(0, width * HASH_SIZE, HASH_SIZE)]
        raise LedgerDamagedError(f"{tile_path(level, number, width)} is missing")

    def drop_partials(self, level: int, number: int) -> None:
        """Remove the unfinished states of a tile that is full now. Ignores what is not there."""
        folder = self._ledger / f"{tile_path(level, number)}.p"
        if folder.is_dir():
            for name in os.listdir(folder):
                os.unlink(folder / name)
            os.rmdir(folder)


class TileHashes:
    """The hashes of complete subtrees of a tree of `size` leaves, as skold.merkle asks for them.

    Keeps the tiles it has read; a proof needs a handful. Calls raise LedgerDamagedError.
    """

    def __init__(self, tiles: Tiles, size: int) -> None:
        self.size = size
        self._tiles = tiles
        self._read: dict[Place, list[bytes]] = {}

    def __call__(self, level: int, number: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        tile, offset = divmod(number << height, WIDTH)
        return root_of(self.tile(tile_level, tile)[offset : offset + (1 << height)])

    def tile(self, level: int, number: int) -> list[bytes]:
        """The hashes of a tile."""
        place = level, number
        if place not in self._read:
            self._read[place] = self._tiles.read(*place, width_of(*place, self.size))
        return self._read[place]

    def root(self) -> bytes:
        """The root of the tree."""
        return make_root(self.size, self)
