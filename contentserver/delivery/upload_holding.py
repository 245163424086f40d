"""Holding an upload: one request at a time, and a newer one takes it over.

Who holds it while bytes arrive looks again and again whether somebody asks, also while the network
is silent, and gives way at once. Those who wait for an upload do so on few threads of their own,
one for each upload, so that nobody else's writing waits behind them.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

from contentserver.delivery.connection import Connection
from contentserver.delivery.errors import Overloaded, TakenOver
from contentserver.delivery.parts import Parts
from contentserver.delivery.request import Receive, Request
from contentserver.store.errors import UploadLocked
from contentserver.store.upload import Upload

PATIENCE = 5.0  # seconds that a newer request waits for an older one
LOOK = 0.2  # seconds between looks whether a newer request asks
TAKERS = 16  # threads, and requests that wait on them


class Watched:
    """A holder that receives a body; `receive` takes the place of the request's."""

    def __init__(self, upload: Upload, receive: Receive) -> None:
        self.upload = upload
        self._receive = receive
        self._wanted = False
        self._limit: asyncio.Timeout | None = None

    async def receive(self) -> MutableMapping[str, Any]:
        """The next message. Raises TakenOver as soon as a newer request asks for the upload,
        Overloaded as soon as the server stops: a long upload would keep it from that.
        """
        if not self._wanted:
            try:
                async with asyncio.timeout(None) as self._limit:
                    return await self._receive()
            except TimeoutError:
                if not self._wanted:
                    raise
            finally:
                self._limit = None
        if Connection.stopping:
            raise Overloaded("the server stops; go on with the upload in a moment", close=True)
        raise TakenOver("a newer request took this upload over", close=True)

    def look(self) -> None:
        """Wake the holder where somebody asks for its upload, or the server stops."""
        if self._wanted or not (Connection.stopping or self.upload.should_yield()):
            return
        self._wanted = True
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())


class Holding:
    """The uploads that requests of this process hold or wait for."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._takers = ThreadPoolExecutor(TAKERS, "take")
        self._room = asyncio.Semaphore(TAKERS)
        self._queues: dict[UUID, tuple[asyncio.Lock, int]] = {}
        self._watched: set[Watched] = set()
        self._watching: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def hold(self, upload_id: UUID) -> AsyncIterator[Upload]:
        """Hold the upload, taken over from an older request if need be; what was written is
        durable when it is let go. Raises UploadLocked, and what `Store.open_upload` does.
        """
        upload = await self._open(upload_id)
        async with self.closing(upload):
            yield upload

    @contextlib.asynccontextmanager
    async def closing(self, upload: Upload) -> AsyncIterator[Upload]:
        """Let the upload go at the end: an open part is ended, which waits for the disk."""
        try:
            yield upload
        finally:
            await self._parts.writing(upload.close)

    @contextlib.contextmanager
    def watch(self, upload: Upload, request: Request) -> Iterator[None]:
        """While a body is received: `request.receive` raises TakenOver once a newer one asks."""
        receive = request.receive
        watched = Watched(upload, receive)
        self._watched.add(watched)
        if self._watching is None:
            self._watching = asyncio.create_task(self._look())
        request.receive = watched.receive
        try:
            yield
        finally:
            request.receive = receive
            self._watched.discard(watched)

    async def _look(self) -> None:
        """One task for all of this process, while there are any."""
        try:
            while self._watched:
                await asyncio.sleep(LOOK)
                for watched in tuple(self._watched):
                    watched.look()
        finally:
            self._watching = None

    async def _open(self, upload_id: UUID) -> Upload:
        store = self._parts.store
        try:
            return await self._parts.writing(partial(store.open_upload, upload_id, newer=False))
        except UploadLocked:
            pass
        async with self._turn(upload_id) as patience:
            take = partial(store.open_upload, upload_id, newer=True, patience=patience)
            return await asyncio.get_running_loop().run_in_executor(self._takers, take)

    @contextlib.asynccontextmanager
    async def _turn(self, upload_id: UUID) -> AsyncIterator[float]:
        """One request of this process waits for an upload, the others for that one, and no more
        than there are threads for. What is left of PATIENCE; raises UploadLocked when that is over.
        """
        until = time.monotonic() + PATIENCE
        lock, waiting = self._queues.get(upload_id, (asyncio.Lock(), 0))
        self._queues[upload_id] = lock, waiting + 1
        try:
            async with _within(until, lock), _within(until, self._room):
                yield max(0.0, until - time.monotonic())
        finally:
            lock, waiting = self._queues.pop(upload_id)
            if waiting > 1:
                self._queues[upload_id] = lock, waiting - 1


@contextlib.asynccontextmanager
async def _within(until: float, lock: asyncio.Lock | asyncio.Semaphore) -> AsyncIterator[None]:
    """Hold the lock. Raises UploadLocked unless it is free in time (monotonic seconds)."""
    try:
        async with asyncio.timeout(max(0.0, until - time.monotonic())):
            await lock.acquire()
    except TimeoutError:
        raise UploadLocked from None
    try:
        yield
    finally:
        lock.release()
