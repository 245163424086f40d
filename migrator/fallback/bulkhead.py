"""A bounded part of the process for one legacy database: what is slow there fills this part alone.

A slot is a connection, a thread to use it from, and the right to use both. Slots belong to the
event loop; only what is run in one happens on its thread.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from psycopg.pq import TransactionStatus

from contentserver.delivery.fallback import LegacyUnavailable
from migrator.fallback.connections import ImpatientConnection, is_alive

T = TypeVar("T")
IDLE = 30.0  # seconds after which an unused connection is closed


class Slot:
    """The right to one connection until `free`."""

    def __init__(self, bulkhead: "Bulkhead", connection: ImpatientConnection | None) -> None:
        self._bulkhead = bulkhead
        self._connection = connection
        self._fresh = True
        self._under_way: asyncio.Future[Any] | None = None

    async def run(self, work: Callable[[ImpatientConnection], T]) -> T:
        """Work on the connection, in a thread; one after the other. Raises psycopg.Error, and what
        the work raises. Whoever is cancelled leaves the work to its end.
        """
        if self._under_way is not None and not self._under_way.done():
            await asyncio.wait({self._under_way})
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._bulkhead.threads, self._work, work)
        self._under_way = future
        return await asyncio.shield(future)

    def free(self) -> None:
        """Give the slot back, once what is under way in it has ended."""
        if self._under_way is not None and not self._under_way.done():
            self._under_way.add_done_callback(lambda _: self.free())
            return
        if self._under_way is not None and not self._under_way.cancelled():
            self._under_way.exception()  # seen: whoever asked may be gone
        connection, self._connection = self._connection, None
        self._bulkhead.take_back(connection)

    def _work(self, work: Callable[[ImpatientConnection], T]) -> T:
        if self._connection is None or (self._fresh and not is_alive(self._connection)):
            self._connection = self._bulkhead.connect()
        self._fresh = False
        return work(self._connection)


class Bulkhead:
    """So many slots, and a queue with an end."""

    def __init__(
        self, name: str, connect: Callable[[], ImpatientConnection], *, at_once: int, queue: int
    ) -> None:
        """`connect` is called on a thread and raises psycopg.Error."""
        self.connect = connect
        self.threads = ThreadPoolExecutor(at_once, name)
        self._free = asyncio.Semaphore(at_once)
        self._queue = queue
        self.waiting = 0
        self.busy = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._idle: list[tuple[float, ImpatientConnection]] = []
        self._closed = False

    async def take(self, patience: float) -> Slot:
        """A slot within `patience` seconds. Raises LegacyUnavailable."""
        if self._closed or self.waiting >= self._queue:
            raise LegacyUnavailable("too many requests wait for the legacy database")
        self.waiting += 1
        self._quiet.clear()
        try:
            async with asyncio.timeout(patience):
                await self._free.acquire()
        except TimeoutError:
            raise LegacyUnavailable("the legacy database is busy") from None
        else:
            self.busy += 1
        finally:
            self.waiting -= 1
            self._tell()
        return Slot(self, self._idle.pop()[1] if self._idle else None)

    def take_back(self, connection: ImpatientConnection | None) -> None:
        """For `Slot.free`. A connection in the middle of anything is closed."""
        self.busy -= 1
        self._tell()
        self._free.release()
        if connection is None:
            return
        idle = connection.pgconn.transaction_status == TransactionStatus.IDLE
        if self._closed or not idle:
            _close(connection)
            return
        loop = asyncio.get_running_loop()
        self._idle.append((loop.time(), connection))
        loop.call_later(IDLE, self._close_idle)

    async def close(self) -> None:
        """Close everything once nobody waits or is busy any more; from now on nobody may come."""
        self._closed = True
        await self._quiet.wait()
        while self._idle:
            _close(self._idle.pop()[1])
        self.threads.shutdown(wait=False)

    def _tell(self) -> None:
        if not self.waiting and not self.busy:
            self._quiet.set()

    def _close_idle(self) -> None:
        until = asyncio.get_running_loop().time() - IDLE
        while self._idle and self._idle[0][0] <= until:
            _close(self._idle.pop(0)[1])


def _close(connection: ImpatientConnection) -> None:
    with suppress(Exception):
        connection.close()
