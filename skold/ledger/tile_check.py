"""Which tile is wrong, where tiles do not fit together. Each function reads a bounded number."""

from collections.abc import Sequence

from skold.ledger.bundles import WIDTH, LedgerDamagedError, bundle_path
from skold.ledger.tiles import HEIGHT, TileHashes, Tiles, tile_path, width_of
from skold.ledger.tree import Tree
from skold.merkle import leaf_hash, root_of

WAY_OUT = "manage.py rebuild_tree makes tiles from the entries, and the checkpoint proves them"


def check_edge(tiles: Tiles, tree: Tree, bodies: Sequence[bytes]) -> None:
    """Hold each unfinished tile to what lies under it; `bodies` are those of the unfinished bundle.

    Reads 255 tiles a level at most. Raises LedgerDamagedError naming the tile.
    """
    for level, edge in enumerate(tree.edges):
        number = tree.size >> HEIGHT * (level + 1)
        for offset, known in enumerate(edge):
            under = number * WIDTH + offset
            if level == 0:
                found, named = leaf_hash(bodies[offset]), f"tile/entries/{bundle_path(number)}"
            else:
                found = root_of(tiles.read(level - 1, under, WIDTH))
                named = tile_path(level - 1, under)
            if found != known:
                above = tile_path(level, number, len(edge))
                raise LedgerDamagedError(f"{above} does not fit {named}; {WAY_OUT}")


def find_damaged(hashes: TileHashes, index: int, leaf: bytes) -> str | None:
    """The tile on the way from a leaf to the root that does not fit the one above it; the entry
    bundle where the leaf's own hash differs; None if all fit. Raises LedgerDamagedError.
    """
    level, number = 0, index // WIDTH
    if hashes.tile(0, number)[index % WIDTH] != leaf:
        return f"{tile_path(0, number)} does not fit tile/entries/{bundle_path(number)}"
    while width_of(level, number, hashes.size) == WIDTH:
        above, offset = divmod(number, WIDTH)
        if hashes.tile(level + 1, above)[offset] != root_of(hashes.tile(level, number)):
            name = tile_path(level + 1, above, width_of(level + 1, above, hashes.size))
            return f"{name} does not fit {tile_path(level, number)}"
        level, number = level + 1, above
    return None
