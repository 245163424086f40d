"""The durable list of what was redacted: `<ledger>/redacted/<number>.json`, one file for each
redaction.

It names leaves by number, never a person, so it may be kept for ever: a rebuild, a restored ledger
or a replica takes the same private parts out again.
"""

import bisect
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from skold.disk import Disk, replace_durably

FOLDER = "redacted"
FORMAT = "skold-redacted-1"


class RedactionListInvalid(Exception):
    """A file of the list cannot be read; the text names it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One redaction: which leaves of which node; who asked and who approved, and when, by what the
    control plane calls them."""

    number: int
    node: str
    leaves: tuple[tuple[int, int], ...]
    """Ranges, first and last included, in order."""
    asked_by: str
    approved_by: str
    at: str

    @property
    def count(self) -> int:
        """How many leaves it names."""
        return sum(last - first + 1 for first, last in self.leaves)

    def iter_leaves(self) -> Iterator[int]:
        """Each leaf, in order."""
        for first, last in self.leaves:
            yield from range(first, last + 1)


class RedactedLeaves:
    """All leaves of a node whose private parts are to be gone. `in` asks for one."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._ranges = sorted(ranges)
        self._firsts = [first for first, _last in self._ranges]
        self._lasts: list[int] = []
        for _first, last in self._ranges:
            self._lasts.append(max(last, self._lasts[-1] if self._lasts else last))

    def __contains__(self, index: int) -> bool:
        place = bisect.bisect_right(self._firsts, index)
        return place > 0 and self._lasts[place - 1] >= index

    def __bool__(self) -> bool:
        return bool(self._ranges)


def as_ranges(leaves: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Numbers in ascending order as ranges, first and last included."""
    ranges: list[tuple[int, int]] = []
    for leaf in leaves:
        if ranges and leaf <= ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], max(leaf, ranges[-1][1])
        else:
            ranges.append((leaf, leaf))
    return tuple(ranges)


def write_listed(ledger: str | os.PathLike[str], listed: Listed) -> None:
    """Make a redaction part of the list, durably. Raises OSError."""
    folder = Path(ledger) / FOLDER
    Disk().make_folder(folder)
    document = {"format": FORMAT, **{name: getattr(listed, name) for name in Listed.__slots__}}
    raw = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    replace_durably(_path(ledger, listed.number), raw)


def find_listed(ledger: str | os.PathLike[str], number: int) -> Listed | None:
    """The redaction of this number, if it got as far as the list. Raises RedactionListInvalid."""
    path = _path(ledger, number)
    try:
        return _read(path, path.read_bytes())
    except FileNotFoundError:
        return None


def read_all(ledger: str | os.PathLike[str], node: str) -> list[Listed]:
    """Every redaction of this node's ledger. Raises RedactionListInvalid, OSError."""
    folder = Path(ledger) / FOLDER
    if not folder.is_dir():
        return []
    found = [_read(path, path.read_bytes()) for path in sorted(folder.glob("[0-9]*.json"))]
    return [listed for listed in found if listed.node == node]


def redacted_leaves(ledger: str | os.PathLike[str], node: str) -> RedactedLeaves:
    """The leaves of all of them."""
    return RedactedLeaves(leaves for listed in read_all(ledger, node) for leaves in listed.leaves)


def _path(ledger: str | os.PathLike[str], number: int) -> Path:
    return Path(ledger) / FOLDER / f"{number:020d}.json"


def _read(path: Path, raw: bytes) -> Listed:
    try:
        document: dict[str, Any] = orjson.loads(raw)
        form, leaves = document.pop("format"), document.pop("leaves")
        listed = Listed(leaves=tuple((int(a), int(b)) for a, b in leaves), **document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RedactionListInvalid(f"{path} is not of the form {FORMAT}: {error}") from error
    if form != FORMAT:
        raise RedactionListInvalid(f"{path} is of the form {form}, not {FORMAT}")
    return listed
