"""Who may touch an upload, and who may add a version to a file.

An upload is held by byte 0 of its lock file; byte 1 is held by one who asks for it, which the
holder sees without a message passing. A file's address is one byte of one lock file on the first
configured root; the kernel lets all of these go when a process dies.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from contentserver.store import fileops
from contentserver.store.errors import StoreError, Unavailable, UploadLocked, UploadUnknown
from contentserver.store.roots import Roots

ADDRESS_LOCKS = "address.lock"
LOCK = "lock"
_HOLD, _ASK = 0, 1
_PAUSE = 0.005
_PATIENCE = 30.0
_STUCK = "another commit of this file does not come to an end; try again later"
_queues = tuple(threading.Lock() for _ in range(4096))


class UploadLock:
    """The lock of an upload, held from the constructors to `close`."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def acquire(cls, dir_fd: int, *, newer: bool, patience: float) -> "UploadLock":
        """Hold the upload in this directory; `newer` asks its holder to yield and waits.

        Raises UploadLocked if it is held and not let go, UploadUnknown if it was removed meanwhile.
        """
        try:
            fd = fileops.open_lock(dir_fd, LOCK)
        except FileNotFoundError:  # the directory was removed after it was opened
            raise UploadUnknown from None
        try:
            _hold(fd, newer=newer, patience=patience)
        except BaseException:
            fileops.close(fd)
            raise
        return cls(fd)

    def is_wanted(self) -> bool:
        """Whether another request asks for the upload."""
        return fileops.is_locked(self._fd, _ASK)

    def close(self) -> None:
        """Let the upload go."""
        fileops.close(self._fd)


def _hold(fd: int, *, newer: bool, patience: float) -> None:
    if not fileops.try_lock(fd, _HOLD):
        if not newer:
            raise UploadLocked
        _ask(fd, patience)
    if fileops.facts_of(fd).names == 0:
        raise UploadUnknown


def _ask(fd: int, patience: float) -> None:
    """Wait for byte 0 while holding byte 1; several who ask do so one after the other."""
    until = time.monotonic() + patience
    with _queue(fileops.facts_of(fd).inode, patience, UploadLocked()):
        _wait(fd, _ASK, until, UploadLocked())
        _wait(fd, _HOLD, until, UploadLocked())
        fileops.unlock(fd, _ASK)


@contextmanager
def address_lock(roots: Roots, address: bytes) -> Iterator[None]:
    """Hold a file's address: no other commit of it on this machine comes between.

    Two addresses that share a byte wait for each other, which does no harm. Raises RootMissing, and
    Unavailable when the holder does not come to an end.
    """
    start = int.from_bytes(address[:8], "big") >> 1
    until = time.monotonic() + _PATIENCE
    with _queue(start, _PATIENCE, Unavailable(_STUCK)):
        fd = fileops.open_lock(roots.first().fd, ADDRESS_LOCKS)
        try:
            _wait(fd, start, until, Unavailable(_STUCK))
            yield
        finally:
            fileops.close(fd)


@contextmanager
def _queue(number: int, patience: float, refusal: StoreError) -> Iterator[None]:
    """Threads of one process wait here, so that one alone asks the kernel again and again."""
    queue = _queues[number % len(_queues)]
    if not queue.acquire(timeout=patience):
        raise refusal
    try:
        yield
    finally:
        queue.release()


def _wait(fd: int, byte: int, until: float, refusal: StoreError) -> None:
    if not wait_for_byte(fd, byte, until):
        raise refusal


def wait_for_byte(fd: int, byte: int, until: float) -> bool:
    """Take a byte of a lock file, if it becomes free before `until` (monotonic seconds)."""
    pause = _PAUSE / 10
    while not fileops.try_lock(fd, byte):
        if time.monotonic() > until:
            return False
        time.sleep(pause)
        pause = min(pause * 2, _PAUSE)
    return True
