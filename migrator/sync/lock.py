"""One sync of a source at a time on this node.

A lock of the kernel on a file of the home, not of the control database: it ends with the process
however that dies, and a lost connection cannot give it to a second one while the first still works.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from contentserver.conf import Config
from migrator.models import Source


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


@contextmanager
def resting_sync(config: Config, source: Source, patience: float = 60.0) -> Iterator[None]:
    """Switch the source's sync off, wait until a slice under way has ended, and let none begin in
    the block: what one reads from legacy must not arrive after the mode says that ours counts.

    Raises SyncRuns after `patience` seconds; sync is switched on again then, and whenever the block
    raises.
    """
    was_on = Source.objects.values_list("sync_enabled", flat=True).get(pk=source.pk)
    Source.objects.filter(pk=source.pk).update(sync_enabled=False)
    try:
        with _waited_for(config, source.name, patience):
            yield
    except BaseException:
        Source.objects.filter(pk=source.pk).update(sync_enabled=was_on)
        raise


@contextmanager
def _waited_for(config: Config, source: str, patience: float) -> Iterator[None]:
    until = time.monotonic() + patience
    while True:
        with ExitStack() as held:
            try:
                held.enter_context(sync_lock(config, source))
            except SyncRuns:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
                continue
            yield
            return


def lock_path(config: Config, source: str) -> Path:
    return config.run / f"sync-{source}.lock"
