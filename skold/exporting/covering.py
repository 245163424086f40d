"""The hashes that lead from chosen leaves to the root: for each of them its own, and between them
the roots of the largest complete subtrees (RFC 9162 section 2.1).

One list instead of a proof for each record. A stretch of records needs about two hashes for each
level of the tree besides their own; scattered ones share what their proofs have in common. Tiles
would cost 8 KB for each record and level. Read from left to right the list is the whole tree, so
that a verifier needs no more memory than one hash for each level.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from skold.ledger.bundles import WIDTH
from skold.ledger.tiles import HEIGHT, Tiles, width_of
from skold.merkle import root_of

_KEPT = 64
"""Tiles in memory; leaves are asked for in rising order."""


class TreeHashes:
    """Hashes of complete subtrees of the first `size` leaves, from the ledger's tiles."""

    def __init__(self, tiles: Tiles, size: int) -> None:
        self._tiles, self._size = tiles, size
        self._tile = lru_cache(_KEPT)(self._read)

    def __call__(self, level: int, number: int) -> bytes:
        """The root of the `number`-th subtree of 2**level leaves. Raises LedgerDamagedError."""
        tile_level, height = divmod(level, HEIGHT)
        tile, offset = divmod(number << height, WIDTH)
        return root_of(self._tile(tile_level, tile)[offset : offset + (1 << height)])

    def _read(self, level: int, number: int) -> list[bytes]:
        return self._tiles.read(level, number, width_of(level, number, self._size))


def iter_cover(
    runs: Iterable[tuple[int, int]], size: int, cuts: Iterable[int]
) -> Iterator[tuple[int, int | None]]:
    """(first leaf, level) of what covers a tree of `size` leaves exactly, from left to right; level
    None for a leaf of `runs`. No subtree reaches across one of `cuts`: so the root of that many
    leaves comes by on the way, and an older checkpoint of that size can be compared.
    """
    borders = sorted({cut for cut in cuts if 0 < cut < size})
    reached = 0
    for first, end in [*runs, (size, size)]:
        for low, high in _between(reached, first, borders):
            yield from _subtrees(low, high)
        for leaf in range(first, end):
            yield leaf, None
        reached = end


def _between(start: int, end: int, borders: list[int]) -> Iterator[tuple[int, int]]:
    for border in borders:
        if start < border < end:
            yield start, border
            start = border
    if start < end:
        yield start, end


def _subtrees(start: int, end: int) -> Iterator[tuple[int, int | None]]:
    while start < end:
        fits = (end - start).bit_length() - 1
        aligned = (start & -start).bit_length() - 1 if start else fits
        level = min(fits, aligned)
        yield start, level
        start += 1 << level
