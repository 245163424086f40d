"""Reads of whole legacy files, within a bulkhead."""

import time
from functools import partial

from contentserver.delivery.fallback import LegacyDamaged, LegacyFile, LegacyUnavailable
from migrator.fallback import limits
from migrator.fallback.abandon import within
from migrator.fallback.bulkhead import Bulkhead, Slot
from migrator.fallback.connections import ImpatientConnection
from migrator.fallback.guard import Guard
from migrator.fallback.reading import Beginning, Whole, begin
from migrator.fallback.stream import LegacyStream
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import LegacyError
from migrator.legacy.records import LegacyRecord
from migrator.shapes import Shapes


class Reads:
    """Of one source. Belongs to one event loop."""

    def __init__(self, description: Description, guard: Guard, bulkhead: Bulkhead) -> None:
        self._description = description
        self._guard = guard
        self._bulkhead = bulkhead
        self._shapes = Shapes(description)
        self._streams = 0

    async def open(self, record: RecordId) -> LegacyFile | None:
        """As FallbackSource says."""
        until = time.monotonic() + limits.ANSWER
        slot = await self._bulkhead.take(limits.ANSWER)
        try:
            return await within(until - time.monotonic(), self._open(slot, record), let_go)
        except TimeoutError:
            self._guard.hangs()
            raise LegacyUnavailable("the legacy database does not answer") from None

    async def close(self) -> None:
        """After those who read have ended."""
        await self._bulkhead.close()

    async def _open(self, slot: Slot, record: RecordId) -> LegacyFile | None:
        """The slot is free afterwards, unless a stream goes on in it."""
        streaming = False
        try:
            with self._guard.asking():
                found = await slot.run(partial(self._begin, record=record))
            if isinstance(found, Beginning):
                stream = await self._stream(slot, found)
                streaming = True
                return _file(found.record, stream, None, None)
        except LegacyError as damage:
            raise LegacyDamaged(str(damage)) from damage
        finally:
            if not streaming:
                slot.free()
        if found is None:
            return None
        return _file(found.record, found.content, len(found.content), found.sha256)

    def _begin(self, connection: ImpatientConnection, record: RecordId) -> Beginning | Whole | None:
        with self._shapes.of(connection) as shape:
            return begin(connection, self._description, shape, record)

    async def _stream(self, slot: Slot, found: Beginning) -> LegacyStream:
        """Raises LegacyUnavailable when too many long files are under way."""
        if self._streams >= limits.STREAMS:
            await slot.run(lambda _: found.opened.__exit__(None, None, None))
            raise LegacyUnavailable("enough long files are being read from legacy")
        self._streams += 1
        return LegacyStream(slot, found.opened, found.first, found.rest, self._ended)

    def _ended(self) -> None:
        self._streams -= 1


def _file(
    record: LegacyRecord, content: bytes | LegacyStream, size: int | None, sha256: bytes | None
) -> LegacyFile:
    return LegacyFile(
        content=content,
        size=record.length if size is None else size,
        sha256=_declared(record) if sha256 is None else sha256,
        media_type=record.media_type,
        filename=record.filename,
        modified_ns=record.changed_at_ns,
        data_subject=record.data_subject,
    )


def _declared(record: LegacyRecord) -> bytes | None:
    """The stream ends with an error if it does not have it."""
    return record.digest[1] if record.digest and record.digest[0] == "sha256" else None


async def let_go(file: LegacyFile | None) -> None:
    """Nobody took this file."""
    if file is not None and isinstance(file.content, LegacyStream):
        await file.content.aclose()
