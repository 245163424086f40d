"""The right edge of a ledger's tree: all that a further leaf needs, and the root.

`grow` changes nothing but gives the tree with more leaves and the tiles that differ, so that the
old one stands until the mark says otherwise.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from skold.ledger.bundles import WIDTH
from skold.ledger.tiles import HEIGHT, Place, TileHashes, Tiles, width_of
from skold.merkle import EMPTY_ROOT, make_consistency, root_of, verify_consistency


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of `size` leaves; `edges` are the hashes of each level's unfinished tile."""

    size: int = 0
    edges: Sequence[Sequence[bytes]] = ()

    def grow(self, leaves: Iterable[bytes]) -> tuple["Tree", Mapping[Place, Sequence[bytes]]]:
        """The tree with these leaf hashes at its end, and every tile that is new or longer."""
        tiles: dict[Place, Sequence[bytes]] = {}
        edges, fresh, level = [], list(leaves), 0
        size = self.size + len(fresh)
        while fresh or level < len(self.edges):
            held = self.edges[level] if level < len(self.edges) else ()
            hashes, filled = [*held, *fresh], []
            number = self.size >> HEIGHT * (level + 1)
            for first in range(0, len(hashes), WIDTH) if fresh else ():
                tile = hashes[first : first + WIDTH]
                tiles[level, number + first // WIDTH] = tile
                if len(tile) == WIDTH:
                    filled.append(root_of(tile))
            edges.append(hashes[len(hashes) // WIDTH * WIDTH :])
            fresh, level = filled, level + 1
        return Tree(size, edges), tiles

    @property
    def root(self) -> bytes:
        """The root hash of RFC 9162."""
        rest: list[bytes] = []
        for edge in self.edges:
            # What lies right of an edge is one further, smaller subtree behind its hashes.
            hashes = [*edge, *rest]
            rest = [root_of(hashes)] if hashes else []
        return rest[0] if rest else EMPTY_ROOT


def read_tree(tiles: Tiles, size: int) -> Tree:
    """The tree of the first `size` leaves, from its unfinished tiles alone.

    Raises LedgerDamagedError naming a tile that is missing.
    """
    edges: list[list[bytes]] = []
    while (size >> HEIGHT * len(edges)) > 0:
        level = len(edges)
        number = size >> HEIGHT * (level + 1)
        width = width_of(level, number, size)
        edges.append(tiles.read(level, number, width) if width else [])
    return Tree(size, edges)


def extends(tiles: Tiles, tree: Tree, size: int, root: bytes) -> bool:
    """Whether the tree begins with the tree of `size` leaves and this root. Raises
    LedgerDamagedError.
    """
    if size > tree.size:
        return False
    proof = make_consistency(size, tree.size, TileHashes(tiles, tree.size))
    return verify_consistency(size, root, tree.size, tree.root, proof)
