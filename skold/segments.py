"""The segment files of one writer: preallocated, written at the end, never truncated."""

import logging
import threading
from pathlib import Path

from skold.disk import Disk

SEGMENT_SIZE = 64 * 1024 * 1024
SUFFIX = ".skj"

_log = logging.getLogger(__name__)


def segment_name(index: int) -> str:
    """File name of a writer's segment, from 0."""
    return f"{index:08d}{SUFFIX}"


class Segments:
    """Where a writer's frames go. Used by its thread alone; the next file is prepared by a helper
    thread when the current one is half full, so that rolling does not stall.
    """

    def __init__(self, disk: Disk, folder: Path, size: int) -> None:
        """Creates the first segment durably. Raises OSError."""
        self._disk = disk
        self._folder = folder
        self._size = size
        self._index = 0
        self._offset = 0
        self._lock = threading.Lock()
        self._next_fd: int | None = None
        self._preparation: threading.Thread | None = None
        self._closed = False
        self._fd = self._create(0)

    def write_durably(self, data: bytes) -> None:
        """`data`, whole frames, is on stable storage when this returns. Raises OSError: then never
        again.
        """
        if self._offset + len(data) > self._size:
            self._roll()
        self._disk.write(self._fd, data, self._offset)
        self._disk.sync(self._fd)
        self._offset += len(data)
        if self._preparation is None and self._offset * 2 > self._size:
            self._preparation = threading.Thread(target=self._prepare, daemon=True)
            self._preparation.start()

    def give_back(self) -> None:
        """Free the room behind the last frame: nothing follows, and many writers live for a minute
        only.
        """
        if self._offset < self._size:
            try:
                self._disk.give_back(self._fd, self._offset, self._size - self._offset)
            except OSError as error:
                _log.warning("the rest of a journal segment keeps its room: %s", error)

    def close(self) -> None:
        """Give the descriptors back; a segment prepared and never used goes."""
        with self._lock:
            self._closed = True
            unused, self._next_fd = self._next_fd, None
        self._disk.close(self._fd)
        if unused is not None:
            self._discard(unused)

    def _create(self, index: int) -> int:
        return self._disk.create_preallocated(self._folder / segment_name(index), self._size)

    def _roll(self) -> None:
        if self._preparation is not None:
            self._preparation.join()
        fd = self._next_fd if self._next_fd is not None else self._create(self._index + 1)
        self._disk.close(self._fd)
        self._fd, self._next_fd, self._preparation = fd, None, None
        self._index, self._offset = self._index + 1, 0

    def _prepare(self) -> None:
        try:
            fd = self._create(self._index + 1)
        except OSError as error:
            _log.warning("the next journal segment could not be prepared: %s", error)
            return
        with self._lock:
            if not self._closed:
                self._next_fd = fd
                return
        self._discard(fd)

    def _discard(self, fd: int) -> None:
        self._disk.close(fd)
        self._disk.unlink(self._folder / segment_name(self._index + 1))
