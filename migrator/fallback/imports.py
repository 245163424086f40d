"""Imports of missing files on the way of a request, each once however many ask for it."""

import asyncio
from functools import partial

from contentserver.delivery.fallback import LegacyDamaged, LegacyUnavailable
from contentserver.store.errors import Erased
from migrator.fallback import limits
from migrator.fallback.bulkhead import Bulkhead
from migrator.fallback.connections import ImpatientConnection
from migrator.fallback.guard import Guard
from migrator.importing import Importer, Outcome
from migrator.legacy.description import RecordId
from migrator.legacy.errors import LegacyError


class Imports:
    """Of one source. Belongs to one event loop; those of other processes wait for the record's
    lock and find the file on disk.
    """

    def __init__(self, importer: Importer, guard: Guard, bulkhead: Bulkhead) -> None:
        self._importer = importer
        self._guard = guard
        self._bulkhead = bulkhead
        self._under_way: dict[RecordId, asyncio.Task[bool]] = {}

    async def bring(self, record: RecordId) -> bool:
        """As FallbackSource says. A long file may take longer than its reader waits; the import
        goes on.
        """
        task = self._under_way.get(record)
        if task is None:
            task = asyncio.create_task(self._bring(record))
            self._under_way[record] = task
            task.add_done_callback(partial(self._ended, record))
        done, _ = await asyncio.wait({task}, timeout=limits.IMPORT)
        if not done:
            raise LegacyUnavailable("the file is still being imported; ask again shortly")
        return task.result()

    async def close(self) -> None:
        """After the imports under way."""
        await self._bulkhead.close()

    def _ended(self, record: RecordId, task: asyncio.Task[bool]) -> None:
        del self._under_way[record]
        if not task.cancelled():
            task.exception()  # seen: whoever asked may be gone

    async def _bring(self, record: RecordId) -> bool:
        slot = await self._bulkhead.take(limits.IMPORT)
        try:
            with self._guard.asking():
                outcome = await slot.run(partial(self._import, record=record))
        finally:
            slot.free()
        return _answer(outcome)

    def _import(self, connection: ImpatientConnection, record: RecordId) -> Outcome:
        (outcome,) = self._importer.bring(connection, [record], only_missing=True)
        return outcome


def _answer(outcome: Outcome) -> bool:
    """Raises what kept the file from the disk."""
    if outcome.what in {"imported", "same", "stands"}:
        return True
    if outcome.what == "absent":
        return False
    if outcome.what == "erased":
        raise Erased
    if outcome.what == "busy" or outcome.error is None:
        raise LegacyUnavailable("somebody else is importing this file; ask again shortly")
    if isinstance(outcome.error, LegacyError):
        raise LegacyDamaged(str(outcome.error)) from outcome.error
    raise outcome.error
