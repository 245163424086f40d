"""The highest number ever seen of a signed file, kept on disk beside it."""

import contextlib
import fcntl
import os
from pathlib import Path

from skold.disk import FILE_MODE, Disk, flush, opened


class HighWater:
    """Only ever rises, whichever of the processes that share it is slower."""

    def __init__(self, document: Path) -> None:
        self.path = document.with_name(f"{document.name}.highest")
        self._known = 0

    def read(self) -> int:
        """The highest number any process has seen; 0 before the first. What cannot be read cannot
        be written either: `raise_to` says so."""
        with contextlib.suppress(OSError, ValueError):
            self._known = max(self._known, int(self.path.read_text(encoding="ascii")))
        return self._known

    def raise_to(self, number: int) -> str | None:
        """Remember it durably. Returns what keeps it from being remembered: the number holds in
        this process all the same, but would be forgotten at its end.
        """
        if number <= self._known:
            return None
        self._known = number
        try:
            self._write(number)
        except OSError as error:
            return f"the highest number seen cannot be kept in {self.path}: {error}"
        return None

    def _write(self, number: int) -> None:
        flags = os.O_RDWR | os.O_CREAT
        with opened(self.path, flags, FILE_MODE) as fd:
            fcntl.flock(fd, fcntl.LOCK_EX)  # two processes may see two numbers at once
            written = os.pread(fd, 32, 0).strip()
            if written.isdigit() and int(written) >= number:
                return
            # One short write within a sector, of the same or a greater length: never seen in parts.
            os.pwrite(fd, b"%d\n" % number, 0)
            flush(fd)
        Disk().sync_folder(self.path.parent)
