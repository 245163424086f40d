"""The files of the benchmark: distinct ones, made again from their number at any time.

Random bytes behind the first bytes of a JPEG: photos are what the old system serves most, and zlib
gains nothing on them.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")


@dataclass(frozen=True, slots=True)
class Target:
    """A stored file as the loader asks for it: its address, its length, the digest it must have."""

    name: str
    length: int
    sha256: str


def content(number: int, size: int) -> bytes:
    """The bytes of file `number`; the same ones at every call."""
    return JPEG + random.Random(number).randbytes(size - len(JPEG))


def name(number: int) -> str:
    """A key like those of a photo archive: 256 folders, so that no server has them all in one."""
    return f"{number % 256:02x}/photo-{number:06d}.jpg"


def iter_files(count: int, size: int) -> Iterator[tuple[Target, bytes]]:
    """Yield every file of the corpus with its bytes."""
    for number in range(count):
        data = content(number, size)
        yield Target(name(number), size, hashlib.sha256(data).hexdigest()), data


def write_plain(folder: Path, count: int, size: int) -> list[Target]:
    """Lay the corpus down as plain files below `folder`, for nginx, and say what lies there."""
    targets = []
    for target, data in iter_files(count, size):
        path = folder / target.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        targets.append(target)
    return targets
