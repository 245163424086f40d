"""One worker at a time on archived files: archive_audit, or a redaction."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skold.disk import Disk


class ArchiveInUseError(Exception):
    """Another process archives or redacts; try again when it has ended."""


@contextmanager
def archive_lock(archive: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the archive folder; the kernel gives it free with the process. Raises
    ArchiveInUseError after `patience` seconds, OSError."""
    Disk().make_folder(archive)
    fd = os.open(archive / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise ArchiveInUseError(
                        f"another process works on {archive}; try again when it has ended"
                    ) from None
                time.sleep(0.2)
        yield
    finally:
        os.close(fd)
