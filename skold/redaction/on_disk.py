"""Private parts taken out of what lies on disk: bundles of the ledger, segments of journals.

Bodies are not touched, so tree, chains and every proof stay as they are. Each function may be
repeated; killed anywhere, the next call does the rest.
"""

import mmap
import os
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from struct import Struct
from typing import Any
from zlib import crc32

from skold.disk import Disk, flush, opened, replace_durably
from skold.frames import claim_of
from skold.ledger.bundles import WIDTH, Bundles, bundle_path, pack, unpack
from skold.records import MAX_BODY, MAX_PRIVATE, find_fields
from skold.segments import SUFFIX

_HEAD = Struct(">IQ32s")
_LENGTH = Struct(">I")


def blank_bundles(ledger: str | os.PathLike[str], leaves: Iterable[int]) -> int:
    """Empty the private parts of these leaves (in order), durably; returns how many were left.

    Nobody may sequence meanwhile: the unfinished bundle is rewritten, too. Raises OSError,
    ValueError for a bundle that cannot be read.
    """
    emptied = 0
    for number, group in groupby(leaves, lambda leaf: leaf // WIDTH):
        places = {leaf % WIDTH for leaf in group}
        emptied += max((_blank(path, places) for path in _states(ledger, number)), default=0)
    return emptied


def blank_journals(
    journal_dirs: Sequence[str | os.PathLike[str]],
    ledger: str | os.PathLike[str],
    leaves: Iterable[int],
    size: int,
) -> int:
    """Overwrite the private parts of these leaves' frames with zeros, where their segments still
    stand; returns how many. Lengths, chain and CRC stay right, so readers accept the journal.
    """
    wanted = _places(ledger, leaves, size)
    blanked = 0
    for writer, numbers in wanted.items():
        for folder in journal_dirs:
            for path in sorted((Path(folder) / writer).glob(f"*{SUFFIX}")):
                blanked += _blank_segment(path, writer, numbers)
    return blanked


def _states(ledger: str | os.PathLike[str], number: int) -> list[Path]:
    """Every file with private parts of a bundle: the full one, unfinished ones, and what a crash
    left beside them (removed)."""
    full = Path(ledger) / "private" / "entries" / bundle_path(number)
    partial = full.with_name(full.name + ".p")
    for folder in (full.parent, partial):
        for left in folder.glob("*.new") if folder.is_dir() else ():
            left.unlink(missing_ok=True)
    found = [full] if full.exists() else []
    return found + (sorted(partial.iterdir()) if partial.is_dir() else [])


def _blank(path: Path, places: set[int]) -> int:
    entries = unpack(path.read_bytes(), ">I")
    left = [place for place in places if place < len(entries) and entries[place]]
    if left:
        kept = [b"" if place in places else entry for place, entry in enumerate(entries)]
        replace_durably(path, pack(kept, ">I"))
    return len(left)


def _places(
    ledger: str | os.PathLike[str], leaves: Iterable[int], size: int
) -> dict[str, set[int]]:
    """By writer, the numbers of these leaves in its journal."""
    bundles = Bundles(ledger)
    wanted: dict[str, set[int]] = {}
    for number, group in groupby(leaves, lambda leaf: leaf // WIDTH):
        bodies = bundles.read_bodies(number, min(WIDTH, size - number * WIDTH))
        for leaf in group:
            fields = find_fields(bodies[leaf % WIDTH]) or {}
            writer, n = fields.get("writer"), fields.get("n")
            if isinstance(writer, str) and isinstance(n, int) and "/" not in writer:
                wanted.setdefault(writer, set()).add(n)
    return wanted


def _blank_segment(path: Path, writer: str, numbers: set[int]) -> int:
    blanked = 0
    with opened(path, os.O_RDWR) as fd:
        size = os.fstat(fd).st_size
        if not size:
            return 0
        with mmap.mmap(fd, size, access=mmap.ACCESS_READ) as buffer:
            for begin, middle, end in _iter_frames(buffer, writer, numbers):
                empty = bytes(end - middle)
                checksum = _LENGTH.pack(crc32(empty, crc32(buffer[begin:middle])))
                if buffer[middle : end + 4] != empty + checksum:
                    # One write; torn by a crash, its lengths still lead here and it is repeated.
                    Disk().write(fd, empty + checksum, middle)
                    blanked += 1
        if blanked:
            flush(fd)
    return blanked


def _iter_frames(buffer: Any, writer: str, numbers: set[int]) -> Any:
    """Begin of a frame, of its private part and the end of that, for each wanted number.

    By lengths and by what the body claims, not by the checksum: that of a frame whose emptying was
    cut short does not hold.
    """
    claim, place = claim_of(writer), 0
    while place + _HEAD.size <= len(buffer):
        length, n, _chain = _HEAD.unpack_from(buffer, place)
        middle = place + _HEAD.size + length
        if not 1 <= length <= MAX_BODY or middle + 4 > len(buffer):
            return
        body = buffer[place + _HEAD.size : middle]
        (private,) = _LENGTH.unpack_from(buffer, middle)
        end = middle + 4 + private
        if private > MAX_PRIVATE or end + 4 > len(buffer) or claim not in body:
            return
        if private and n in numbers and b'"n":%d,' % n in body:
            yield place, middle + 4, end
        place = end + 4
