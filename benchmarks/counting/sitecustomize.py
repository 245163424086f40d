"""Counts this process's flushes: Python imports it at start when its folder is on PYTHONPATH.

Each process keeps its own number in `$FLUSH_COUNTS/<pid>`, mapped into memory, so that counting
costs no system call and survives a kill.
"""

import mmap
import os
import struct
import threading
from collections.abc import Callable

_folder = os.environ.get("FLUSH_COUNTS")


class _Counter:
    """The number of this process; a child that forks begins its own."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.open()
        os.register_at_fork(after_in_child=self.open)

    def open(self) -> None:
        self.number = 0
        descriptor = os.open(f"{self.folder}/{os.getpid()}", os.O_RDWR | os.O_CREAT, 0o600)
        os.truncate(descriptor, 8)
        self.map = mmap.mmap(descriptor, 8)
        os.close(descriptor)

    def count(self, flush: Callable[..., None]) -> Callable[..., None]:
        def counted(*arguments: object) -> None:
            flush(*arguments)
            with self.lock:
                self.number += 1
                struct.pack_into("=Q", self.map, 0, self.number)

        return counted


if _folder:
    _counter = _Counter(_folder)
    os.fsync = _counter.count(os.fsync)
    os.fdatasync = _counter.count(os.fdatasync)
