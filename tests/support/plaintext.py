"""Looking for bytes that must not lie anywhere: in files, named or not, that a process could have
written.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import processes
from tests.support.plane import DataPlane

_PIECE = 8 << 20


class Search:
    """Looks everywhere the process could have left what the uploads carry."""

    def __init__(self, plane: DataPlane, temporary: Path, marker: bytes) -> None:
        self.plane = plane
        self.temporary = temporary
        self.forms = (marker, marker.hex().encode())
        self.began = time.time()

    def found(self, *also: int) -> list[Path]:
        """Files with the marker. `also`: processes beside the data plane's."""
        return [
            path
            for form in self.forms
            for places in (
                iter_files_with(form, self.plane.folder),  # the log lies there too
                iter_files_with(form, self.temporary),
                iter_shared_files_with(form, self.began),
                iter_open_files_with(form, [*self._pids(), *also]),
            )
            for path in places
        ]

    def _pids(self) -> list[int]:
        process = self.plane.process
        assert process is not None
        return [each.pid for each in processes.tree(process.pid)]


def iter_files_with(wanted: bytes, folder: Path, since: float = 0) -> Iterator[Path]:
    """Every file below `folder`, changed since then (epoch seconds), that holds the bytes."""
    for root, _, names in os.walk(folder):
        for path in (Path(root, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                if _is_changed_file(path, since) and holds(path, wanted):
                    yield path


def iter_open_files_with(wanted: bytes, pids: Iterable[int]) -> Iterator[Path]:
    """Every file that these processes have open, wherever it lies, nameless ones included."""
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if stat.S_ISREG(link.stat().st_mode) and holds(link, wanted):
                    yield link


def iter_shared_files_with(wanted: bytes, since: float) -> Iterator[Path]:
    """Every file right in a folder where any process may leave one, changed since then."""
    for folder in map(Path, ("/tmp", "/var/tmp", "/dev/shm")):
        for path in folder.iterdir() if folder.is_dir() else ():
            with contextlib.suppress(OSError):
                if _is_changed_file(path, since) and holds(path, wanted):
                    yield path


def holds(path: Path, wanted: bytes) -> bool:
    """Whether the bytes stand in the file, read piece by piece."""
    tail = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if wanted in tail + piece:
                return True
            tail = piece[-len(wanted) :]
    return False


def _is_changed_file(path: Path, since: float) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_mtime >= since
