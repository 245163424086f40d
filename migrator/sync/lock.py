"""One sync of a source at a time on this node.

A lock of the kernel on a file of the home, not of the control database: it ends with the process
however that dies, and a lost connection cannot give it to a second one while the first still works.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contentserver.conf import Config


class SyncRuns(Exception):
    """Another process synchronises this source at this moment."""


@contextmanager
def sync_lock(config: Config, source: str) -> Iterator[None]:
    """Hold the source; at once or never. Raises SyncRuns."""
    config.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(lock_path(config, source), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SyncRuns(source) from None
        yield
    finally:
        os.close(fd)


def lock_path(config: Config, source: str) -> Path:
    return config.run / f"sync-{source}.lock"
