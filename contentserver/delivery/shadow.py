"""Comparisons of what legacy answered with what lies on disk, in mode shadow: after the answer, and
of a share of the reads only.

The promise: a difference that is told is one. While legacy changes a file, or sync has a change of
it under way, the outcome is `pending`; so it is of a file that was not moved yet.
"""

import asyncio
import hashlib
import logging
import secrets
import time
from dataclasses import dataclass

from contentserver.delivery.access import Access
from contentserver.delivery.fallback import LegacyDamaged, LegacyUnavailable
from contentserver.delivery.from_legacy import ABSENT, State, close, sha256_of
from contentserver.delivery.legacy import Legacy
from contentserver.delivery.metrics import Metrics
from contentserver.delivery.sources import Source
from contentserver.store.errors import Corrupt, Deleted, NotStored, StoreError
from contentserver.store.store import Store
from skold.journal import Journal, JournalUnavailable, Scalar

AT_ONCE = 4  # comparisons under way in this process; beyond it a read is not compared
TRIES = 3  # readings of a file that changes under our hands
ACTOR = "migrator"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Compared:
    """Which file, and the request whose answer is compared."""

    source: Source
    collection: str
    key: str
    request_id: str


class Shadow:
    """Belongs to one event loop."""

    def __init__(self, store: Store, journal: Journal, legacy: Legacy, metrics: Metrics) -> None:
        self._store = store
        self._journal = journal
        self._legacy = legacy
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()

    def consider(self, access: Access, source: Source, seen: State) -> None:
        """Compare, if this read is one of the share; `seen` is what legacy answered. Returns at
        once.
        """
        if secrets.randbelow(100) >= source.shadow_share:
            return
        if len(self._tasks) >= AT_ONCE:
            self._metrics.count_comparison(source.name, "skipped")
            return
        assert access.collection is not None
        assert access.key is not None
        compared = Compared(source, access.collection, access.key, access.request.request_id)
        task = asyncio.create_task(self._compare(compared, seen))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End what is under way; it leaves a `req` without an end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _compare(self, compared: Compared, seen: State) -> None:
        began = time.perf_counter()
        address = self._store.address(compared.collection, compared.key).hex()
        body: dict[str, Scalar] = {
            "id": f"{compared.request_id}:compare",
            "plane": "data",
            "action": "compare",
            "decision": "allow",
            "reason": "shadow",
            "client": ACTOR,
            "collection": compared.collection,
            "address": address,
            "resource": compared.source.name,
        }
        try:
            asked = self._journal.append("req", body, {"key": compared.key})
            outcome = await self._outcome(compared, seen)
            microseconds = int((time.perf_counter() - began) * 1_000_000)
            done: dict[str, Scalar] = {"microseconds": microseconds, "outcome": outcome}
            self._journal.append("done", done, ref=asked)
        except JournalUnavailable:
            log.exception("a comparison is not recorded")
            return
        self._metrics.count_comparison(compared.source.name, outcome)
        if outcome == "different":
            log.error(
                "%s: the file %s differs between legacy and disk", compared.source.name, address
            )

    async def _outcome(self, compared: Compared, seen: State) -> str:
        try:
            if _are_equal(await self._on_disk(compared), seen):
                return "same"
            return await self._look_closer(compared)
        except Corrupt:
            return "different"
        except (LegacyUnavailable, LegacyDamaged, StoreError) as error:
            log.warning("%s: not compared: %s", compared.source.name, error)
            return "unavailable"
        except Exception:
            log.exception("%s: not compared", compared.source.name)
            return "unavailable"

    async def _look_closer(self, compared: Compared) -> str:
        """Only a file that legacy left alone from before the question whether a change is under way
        until after the disk was read can be said to differ.
        """
        name, key = compared.source.name, compared.key
        for _ in range(TRIES):
            before = await self._in_legacy(name, key)
            if await self._legacy.is_pending(name, key):
                return "pending"
            disk = await self._on_disk(compared)
            if before != await self._in_legacy(name, key):
                continue
            if _are_equal(disk, before):
                return "same"
            return "pending" if disk is None else "different"
        return "pending"

    async def _in_legacy(self, source: str, key: str) -> State:
        file = await self._legacy.open(source, key)
        if file is None:
            return ABSENT
        try:
            if isinstance(file.content, bytes):
                return State(len(file.content), await sha256_of(file.content))
            size, digest = 0, hashlib.sha256()
            async for piece in file.content:
                size += len(piece)
                digest.update(piece)
            return State(size, digest.digest())
        finally:
            await close(file)

    async def _on_disk(self, compared: Compared) -> State | None:
        """What the latest version holds, every byte read; None where no version stands."""
        return await asyncio.to_thread(self._read, compared.collection, compared.key)

    def _read(self, collection: str, key: str) -> State | None:
        try:
            with self._store.open_latest(collection, key) as stored:
                digest = hashlib.sha256()
                for start, length in stored.chunks(0, stored.size):
                    for piece in stored.pieces(start, length):
                        digest.update(piece)
                return State(stored.size, digest.digest())
        except Deleted:
            return ABSENT
        except NotStored:
            return None


def _are_equal(disk: State | None, legacy: State) -> bool:
    """Neither has it is equal too, whether it was deleted here or never stood."""
    return (ABSENT if disk is None else disk) == legacy
