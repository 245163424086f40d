"""Who waits for which records: a ticket for each record, a group for what one fdatasync makes
durable.

Everything here is called under the journal's lock, but for `Ticket.wait` and `Group.check`.
"""

import asyncio
import contextlib
import threading
import time
from threading import Lock

LIMBO = -1  # the number of a record that waits for a new writer


class JournalUnavailable(Exception):
    """Nothing can be recorded now: answer 503 with Retry-After and serve nothing."""


class Group:
    """Frames written together, and those who wait for them. Settled once: durable, or an error."""

    __slots__ = ("_events", "_futures", "born", "error", "frames", "settled", "size", "tickets")

    def __init__(self) -> None:
        self.born = time.monotonic()
        self.frames: list[bytes] = []
        self.tickets: list[Ticket] = []
        self.size = 0
        self.settled = False
        self.error: str | None = None
        self._futures: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        self._events: list[threading.Event] = []

    def check(self) -> bool:
        """Whether its records are durable. Raises JournalUnavailable if they never will be."""
        if self.settled and self.error is not None:
            raise JournalUnavailable(self.error)
        return self.settled

    def add_future(self, loop: asyncio.AbstractEventLoop, future: "asyncio.Future[None]") -> None:
        self._futures.setdefault(loop, []).append(future)

    def add_event(self, event: threading.Event) -> None:
        self._events.append(event)

    def adopt(self, other: "Group") -> None:
        """Those who wait for `other` wait for this group from now on."""
        for loop, futures in other._futures.items():
            self._futures.setdefault(loop, []).extend(futures)
        self._events.extend(other._events)
        self.born = min(self.born, other.born)
        other._futures, other._events = {}, []

    def settle(self, error: str | None) -> None:
        """Tell all who wait: one wake-up for each event loop, however many records it has."""
        self.error, self.settled = error, True
        self.frames, self.tickets = [], []
        for loop, futures in self._futures.items():
            with contextlib.suppress(RuntimeError):  # a loop closed meanwhile waits for nothing
                loop.call_soon_threadsafe(_resolve, futures, error)
        for event in self._events:
            event.set()
        self._futures, self._events = {}, []


class Ticket:
    """One appended record: number `n` of `writer`. Both may change until it is durable (a failed
    disk).
    """

    __slots__ = ("_lock", "group", "n", "ref", "writer")

    def __init__(self, lock: Lock, group: Group, n: int, writer: str, ref: "Ticket | None") -> None:
        self._lock = lock
        self.group = group
        self.n = n
        self.writer = writer
        self.ref = ref

    def renew(self, group: Group, n: int, writer: str) -> None:
        """The record got another number in another life. One already refused stays refused to its
        waiter.
        """
        if not self.group.settled:
            self.group = group
        self.n, self.writer = n, writer

    @property
    def durable(self) -> bool:
        """Whether it is on stable storage."""
        return self.group.settled and self.group.error is None

    def wait(self, timeout: float | None = None) -> None:
        """Block until the record is durable. Raises JournalUnavailable, also after `timeout`
        seconds.
        """
        event = threading.Event()
        with self._lock:
            if self.group.check():
                return
            self.group.add_event(event)
        event.wait(timeout)
        if not self.group.check():
            raise JournalUnavailable(f"record {self.n} was not durable after {timeout} s")


def _resolve(futures: "list[asyncio.Future[None]]", error: str | None) -> None:
    for future in futures:
        if future.done():  # its task was cancelled
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(JournalUnavailable(error))
