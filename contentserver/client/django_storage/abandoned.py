"""Uploads whose transaction was rolled back, deleted aside.

Nobody waits for it: a rollback has other worries, and what is not deleted expires. A finalizer may
run anywhere, also inside the HTTP client, so all it does is to put something on a queue that may be
used there.
"""

import os
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol

from contentserver.client.errors import ClientError


class _Deletable(Protocol):
    def delete(self) -> None: ...


class _Sweeper:
    def __init__(self) -> None:
        self.queue: SimpleQueue[_Deletable] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Before the first upload that may be abandoned, for no thread can start in a finalizer."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="contentserver-abandoned", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            with suppress(ClientError):
                self.queue.get().delete()


_sweeper = _Sweeper()


def prepare() -> None:
    """Must have been called in this process before `abandon`."""
    _sweeper.start()


def abandon(upload: _Deletable) -> None:
    """Delete an upload soon, or leave it to expire."""
    _sweeper.queue.put(upload)


def _after_fork() -> None:
    global _sweeper
    _sweeper = _Sweeper()


os.register_at_fork(after_in_child=_after_fork)
