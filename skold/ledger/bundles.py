"""The node's ledger on disk: what lies where, and how entries are packed.

    tile/entries/x001/234         C2SP tlog-tiles entry bundle: BE16 length ‖ body, 256 of them
    tile/entries/x001/234.p/44    the first 44 of a bundle that is not full yet
    private/entries/...           the same numbers: BE32 length ‖ private part
    mark                          how many leaves count, what was read (skold.ledger.mark)

Leaf i is entry i % 256 of bundle i // 256. Only leaves below the mark count: whatever a crash left
above it is written again. Beside the entries stand hash tiles (skold.ledger.tiles) and the
checkpoint (skold.ledger.checkpointer).
"""

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skold.ledger.files import replace_all_durably

WIDTH = 256
"""Entries of a full bundle; the number is C2SP's."""


class LedgerDamagedError(Exception):
    """A bundle or tile below the mark is missing or wrong; the text names it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One record of the ledger, by its index."""

    index: int
    body: bytes
    private: bytes


def bundle_path(number: int, width: int = WIDTH) -> str:
    """The path of a bundle below `entries/`, as tlog-tiles spells it: 1234067 is x001/x234/067."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    path = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return path if width == WIDTH else f"{path}.p/{width}"


def pack(entries: Sequence[bytes], length: str) -> bytes:
    """Entries one after the other, each behind its length (`>H` bodies, `>I` private parts)."""
    prefix = struct.Struct(length)
    return b"".join(prefix.pack(len(entry)) + entry for entry in entries)


def unpack(raw: bytes, length: str) -> list[bytes]:
    """What `pack` packed. Raises ValueError for bytes that are no bundle."""
    prefix = struct.Struct(length)
    entries, position = [], 0
    while position < len(raw):
        if position + prefix.size > len(raw):
            raise ValueError("the bundle ends within a length")
        (size,) = prefix.unpack_from(raw, position)
        position += prefix.size
        if position + size > len(raw):
            raise ValueError("the bundle ends within an entry")
        entries.append(raw[position : position + size])
        position += size
    return entries


class Bundles:
    """Reads and writes the bundles below one ledger folder."""

    KINDS = (("tile/entries", ">H"), ("private/entries", ">I"))

    def __init__(self, ledger: str | os.PathLike[str]) -> None:
        self._ledger = Path(ledger)

    def write(self, bundles: Mapping[int, Sequence[tuple[bytes, bytes]]]) -> None:
        """Make bundles of (body, private) durable, in place of those of the same number and
        width."""
        replace_all_durably(
            {
                self._ledger / kind / bundle_path(number, len(leaves)): pack(
                    [leaf[column] for leaf in leaves], length
                )
                for number, leaves in bundles.items()
                for column, (kind, length) in enumerate(self.KINDS)
            }
        )

    def read(self, number: int, width: int) -> list[tuple[bytes, bytes]]:
        """The first `width` leaves of a bundle. Raises LedgerDamagedError."""
        bodies, privates = (self._read(kind, length, number, width) for kind, length in self.KINDS)
        return list(zip(bodies, privates, strict=True))

    def read_bodies(self, number: int, width: int) -> list[bytes]:
        """The first `width` bodies of a bundle alone. Raises LedgerDamagedError."""
        return self._read(*self.KINDS[0], number, width)

    def drop_partials(self, number: int) -> None:
        """Remove the unfinished states of a bundle that is full now. Ignores what is not there."""
        for kind, _length in self.KINDS:
            folder = self._ledger / kind / f"{bundle_path(number)}.p"
            if folder.is_dir():
                for name in os.listdir(folder):
                    os.unlink(folder / name)
                os.rmdir(folder)

    def iter_leaves(self, start: int, end: int, leaves: int) -> Iterator[Leaf]:
        """Leaves start to end - 1 of a ledger that holds `leaves`. Raises LedgerDamagedError."""
        for number in range(start // WIDTH, -(-end // WIDTH)):
            first = number * WIDTH
            for offset, (body, private) in enumerate(self.read(number, min(WIDTH, leaves - first))):
                if start <= first + offset < end:
                    yield Leaf(first + offset, body, private)

    def _read(self, kind: str, length: str, number: int, width: int) -> list[bytes]:
        try:
            entries = unpack(self._find(kind, number, width), length)
        except ValueError as error:
            raise LedgerDamagedError(f"{kind}/{bundle_path(number)}: {error}") from error
        if len(entries) < width:
            raise LedgerDamagedError(
                f"{kind}/{bundle_path(number)} holds {len(entries)} entries, {width} are marked"
            )
        return entries[:width]

    def _find(self, kind: str, number: int, width: int) -> bytes:
        # The unfinished state may be gone by now, because the bundle has become full meanwhile.
        for candidate in dict.fromkeys((width, WIDTH)):
            path = self._ledger / kind / bundle_path(number, candidate)
            try:
                return path.read_bytes()
            except FileNotFoundError:
                continue
        raise LedgerDamagedError(f"{kind}/{bundle_path(number, width)} is missing")
