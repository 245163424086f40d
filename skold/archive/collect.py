"""The records of a month, out of the ledger on disk: found, and proved to stand in its tree."""

import os
import re
from array import array
from collections.abc import Callable, Iterable, Iterator

from skold.ledger.bundles import WIDTH, Bundles, Leaf, LedgerDamagedError
from skold.ledger.proofs import TreeReader
from skold.ledger.rows import Record
from skold.merkle import leaf_hash
from skold.redaction.listed import RedactedLeaves

_TIME = re.compile(rb'"at":"(\d{4}-\d\d)')
HASH = 32

Progress = Callable[[int, int], None]
"""(leaves done, leaves in all)."""


class NotInLedgerError(Exception):
    """A record of a file is not the ledger's; the text names it."""


class Collector:
    """Reads the first `leaves` of one ledger. Raises LedgerDamagedError."""

    def __init__(self, ledger: str | os.PathLike[str], leaves: int) -> None:
        self._bundles = Bundles(ledger)
        self._leaves = leaves

    def find_bundles(
        self, months: Iterable[str], progress: Progress = lambda _done, _all: None
    ) -> "dict[str, array[int]]":
        """For each month (`2025-11`) the numbers of the bundles that may hold records of it."""
        found = {month: array("Q") for month in months}
        wanted = {month.encode(): numbers for month, numbers in found.items()}
        for number in range(-(-self._leaves // WIDTH)):
            bodies = b"".join(self._bundles.read_bodies(number, self._width(number)))
            for month in wanted.keys() & set(_TIME.findall(bodies)):
                wanted[month].append(number)
            if number % 64 == 0:
                progress(number * WIDTH, self._leaves)
        return found

    def iter_month(self, month: str, numbers: Iterable[int]) -> Iterator[Leaf]:
        """The leaves of these bundles whose record is of the month, in order."""
        for number in numbers:
            pairs = self._bundles.read(number, self._width(number))
            for offset, (body, private) in enumerate(pairs):
                leaf = Leaf(number * WIDTH + offset, body, private)
                if month_of(leaf) == month:
                    yield leaf

    def iter_privates(self, indexes: Iterable[int], redacted: RedactedLeaves) -> Iterator[bytes]:
        """The private parts of these leaves, in ascending order; none for what was redacted."""
        number, privates = -1, []
        for index in indexes:
            if index // WIDTH != number:
                number = index // WIDTH
                privates = [p for _b, p in self._bundles.read(number, self._width(number))]
            yield b"" if index in redacted else privates[index % WIDTH]

    def _width(self, number: int) -> int:
        return min(WIDTH, self._leaves - number * WIDTH)


def month_of(leaf: Leaf) -> str:
    """The month in which the copier puts the record."""
    return Record(leaf).at.strftime("%Y-%m")


def verify(leaves: Iterable[Leaf], tree: TreeReader, size: int) -> int:
    """Hold each leaf against the tree of the first `size`; returns how many there were.

    Its hash must be that of its tile, and each tile must lead to the checkpoint's root: the proof
    of one leaf takes in all hashes of the tile. Raises NotInLedgerError, LedgerDamagedError.
    """
    number, hashes, count = -1, b"", 0
    for leaf in leaves:
        if not 0 <= leaf.index < size:
            raise NotInLedgerError(f"leaf {leaf.index} is not in a tree of {size}")
        if leaf.index // WIDTH != number:
            number = leaf.index // WIDTH
            hashes = tree.tile(0, number, min(WIDTH, size - number * WIDTH))
            tree.inclusion(leaf.index, size)
        place = leaf.index % WIDTH * HASH
        if leaf_hash(leaf.body) != hashes[place : place + HASH]:
            raise NotInLedgerError(f"leaf {leaf.index} is not the record that the tree holds")
        count += 1
    return count


__all__ = ["Collector", "LedgerDamagedError", "NotInLedgerError", "month_of", "verify"]
