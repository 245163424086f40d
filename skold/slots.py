"""Worker slots and names of writers.

A writer is `<node>.<epoch>.<slot>.<start>`; start counts microseconds since the epoch. While it
lives its process holds an OFD lock on `slots/<slot>.lock` of the same journal directory: the kernel
gives the lock free when the process dies, however it dies, so a reader can tell a dead writer from
a silent one.
"""

import fcntl
import os
import re
import struct
from pathlib import Path
from typing import NamedTuple

from skold.disk import FILE_MODE, Disk

SLOTS = 4096
_FLOCK = "hhqqi4x"  # struct flock with 64-bit offsets; l_pid must be 0 for OFD locks
_NODE = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


class NoSlot(OSError):
    """Every worker slot of the journal directory is held."""


class WriterName(NamedTuple):
    node: str
    epoch: int
    slot: int
    start: int

    def __str__(self) -> str:
        return f"{self.node}.{self.epoch}.{self.slot}.{self.start}"


def find_writer(name: str) -> WriterName | None:
    """The parts of a writer's name; None if it is not one."""
    parts = name.rsplit(".", 3)
    if (
        len(parts) != 4
        or not _NODE.fullmatch(parts[0])
        or not all(p.isdecimal() for p in parts[1:])
    ):
        return None
    writer = WriterName(parts[0], int(parts[1]), int(parts[2]), int(parts[3]))
    return writer if str(writer) == name else None


def check_node(node: str) -> str:
    """Raises ValueError unless the node's name can be part of a folder's name."""
    if not _NODE.fullmatch(node):
        raise ValueError(
            f"node {node!r}: use 1 to 63 of a-z, 0-9, '.' and '-', a letter or digit first"
        )
    return node


def list_writers(directory: Path) -> list[WriterName]:
    """All writers that have a folder there, in the order in which they started."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    found = [writer for writer in map(find_writer, names) if writer]
    return sorted(found, key=lambda writer: (writer.start, str(writer)))


def take_slot(directory: Path, disk: Disk) -> tuple[int, int]:
    """The lowest free slot and the descriptor that holds it. Raises NoSlot, OSError."""
    folder = directory / "slots"
    disk.make_folder(folder)
    for slot in range(SLOTS):
        fd = os.open(folder / f"{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK))
        except BlockingIOError:
            os.close(fd)
        except BaseException:
            os.close(fd)
            raise
        else:
            return slot, fd
    raise NoSlot(f"all {SLOTS} worker slots of {directory} are held; are there processes to stop?")


def is_living(directory: Path, writer: WriterName) -> bool:
    """Whether its process still runs: its slot is held, and no later writer holds it."""
    if any(w.slot == writer.slot and w.start > writer.start for w in list_writers(directory)):
        return False
    try:
        fd = os.open(directory / "slots" / f"{writer.slot}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK))
    finally:
        os.close(fd)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def _flock(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)
