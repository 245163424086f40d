"""Which leaves an export holds: all of the log, a stretch of it, or single ones."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["all", "period", "selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Leaves in rising order, each once. `kind` says what an export of them can prove: only of a
    stretch without gaps can it be shown that nothing was left out.
    """

    kind: Kind
    leaves: Sequence[int]

    @classmethod
    def all(cls) -> "Selection":
        """Everything that is under the checkpoint."""
        return cls("all", range(1 << 62))

    @classmethod
    def period(cls, first: int, end: int) -> "Selection":
        """Leaves `first` to `end` - 1."""
        return cls("period", range(first, end))

    @classmethod
    def of(cls, leaves: Iterable[int]) -> "Selection":
        """Any leaves, in any order; 8 bytes of memory each."""
        return cls("selection", array("q", sorted(set(leaves))))

    def below(self, size: int) -> "Selection":
        """What of it lies below `size`, where the checkpoint ends."""
        if isinstance(self.leaves, range):
            end = min(self.leaves.stop, size)
            return Selection(self.kind, range(min(self.leaves.start, end), end))
        return Selection(self.kind, array("q", [leaf for leaf in self.leaves if leaf < size]))

    @property
    def bounds(self) -> tuple[int, int]:
        """(first, end): all its leaves lie from `first` to `end` - 1."""
        if isinstance(self.leaves, range):
            return self.leaves.start, self.leaves.stop
        return (self.leaves[0], self.leaves[-1] + 1) if self.leaves else (0, 0)

    def runs(self) -> Iterator[tuple[int, int]]:
        """Stretches (first, end) of neighbouring leaves, from left to right."""
        if isinstance(self.leaves, range):
            if self.leaves:
                yield self.leaves.start, self.leaves.stop
            return
        first = end = None
        for leaf in self.leaves:
            if first is None or leaf != end:
                if first is not None and end is not None:
                    yield first, end
                first = leaf
            end = leaf + 1
        if first is not None and end is not None:
            yield first, end
