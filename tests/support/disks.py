"""Disks that fail the way disks do, for a journal that must not believe them."""

import errno
import threading
from pathlib import Path

from skold.disk import Disk


class RecordingDisk(Disk):
    """A real disk that notes what was asked of it, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []

    def write(self, fd: int, data: bytes, offset: int) -> None:
        super().write(fd, data, offset)
        self.calls.append(("write", data))

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self.calls.append(("sync", fd))


class FaultyDisk(Disk):
    """Fails below one folder, for as long as it is told to.

    `hang` keeps sync from returning, `fail` is the errno of sync, `full` that of new segments.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fail: int | None = None
        self.full: int | None = None
        self.syncs_after_failure = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self._fds: set[int] = set()
        self._failed: set[int] = set()

    def create_preallocated(self, path: Path, size: int) -> int:
        here = path.is_relative_to(self.folder)
        if here and self.full is not None:
            raise OSError(self.full, "injected", str(path))
        fd = super().create_preallocated(path, size)
        if here:
            self._fds.add(fd)
            self._failed.discard(fd)
        else:
            self._fds.discard(fd)
        return fd

    def sync(self, fd: int) -> None:
        if fd in self._fds:
            self.go_on.wait(30)
            if fd in self._failed:
                self.syncs_after_failure += 1
            if self.fail is not None:
                self._failed.add(fd)
                raise OSError(self.fail, "injected")
        super().sync(fd)

    def hang(self) -> None:
        self.go_on.clear()

    def recover(self) -> None:
        self.fail = self.full = None
        self.go_on.set()


class FullDisk(Disk):
    """Takes so many bytes and then no more."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, data: bytes, offset: int) -> None:
        if len(data) > self.room:
            super().write(fd, data[: self.room], offset)  # as the kernel does: what fits is written
            self.room = 0
            raise OSError(errno.ENOSPC, "injected")
        self.room -= len(data)
        super().write(fd, data, offset)
