"""Who answers for a file of a source, by the source's mode (docs/migration.md has the table).

The promise: a read is never older than legacy, and never fails, because a file was not moved yet.
In hybrid the change log is asked first and the disk opened after that: every change that was
committed in legacy before the question is either named by it, or on the disk by then.
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, tzinfo

from contentserver.delivery.access import Access
from contentserver.delivery.errors import WrittenInLegacy
from contentserver.delivery.fallback import LegacyDamaged, LegacyFile, LegacyUnavailable
from contentserver.delivery.from_legacy import ABSENT, State, close, send_legacy
from contentserver.delivery.parts import Parts
from contentserver.delivery.rules import Rules
from contentserver.delivery.sources import Source
from contentserver.delivery.which import Which
from contentserver.store.errors import Deleted, Erased, NotStored, OutsideYears, StoreError
from contentserver.store.stored_file import StoredFile

UNCHECKED = ((b"x-unchecked", b"true"),)
REFUSED: dict[type[Exception], str] = {
    NotStored: "absent",
    Deleted: "deleted",
    Erased: "erased",
    LegacyUnavailable: "unavailable",
    LegacyDamaged: "damaged",
}
log = logging.getLogger(__name__)

Open = Callable[[Access, Which], Awaitable[StoredFile]]
Send = Callable[[Access, StoredFile, Which, Rules], Awaitable[None]]


class Modes:
    """Reads of files whose source still asks legacy. `open_stored` and `send_stored` are the
    reader's way with the disk.
    """

    def __init__(self, parts: Parts, open_stored: Open, send_stored: Send) -> None:
        self._parts = parts
        self._open = open_stored
        self._send = send_stored

    async def answer(self, access: Access, which: Which, rules: Rules) -> bool:
        """Answer where legacy has a part in it; False where the disk alone does.

        Raises what the reader does, LegacyUnavailable and LegacyDamaged.
        """
        source = find_source(access, rules)
        if source is None:
            return False
        if not source.asks_legacy or which.version is not None:
            self._parts.metrics.count_answer(source, "disk")
            return False
        try:
            await self._answer_anyhow(access, which, rules, source)
        except tuple(REFUSED) as error:
            told = next(name for kind, name in REFUSED.items() if isinstance(error, kind))
            self._parts.metrics.count_answer(source, told)
            raise
        self._parts.metrics.count_answer(source, access.outcome)
        return True

    async def _answer_anyhow(
        self, access: Access, which: Which, rules: Rules, source: Source
    ) -> None:
        """As legacy has it, or where it does not answer as the disk has it."""
        try:
            await self._answer(access, which, rules, source)
        except LegacyUnavailable as error:
            if access.recorded:
                raise
            await self._answer_unchecked(access, which, rules, error)

    async def _answer(self, access: Access, which: Which, rules: Rules, source: Source) -> None:
        if source.mode != "hybrid":
            await self._answer_from_legacy(access, which, rules, source)
            return
        assert access.key is not None
        if await self._parts.legacy.is_pending(source.name, access.key):
            await self._answer_from_legacy(access, which, rules, source)
            return
        try:
            stored = await self._open(access, which)
        except NotStored:
            await self._answer_after_import(access, which, rules, source)
        else:
            await self._send(access, stored, which, rules)

    async def _answer_after_import(
        self, access: Access, which: Which, rules: Rules, source: Source
    ) -> None:
        """A miss. NotStored only where legacy has no such file either."""
        assert access.key is not None
        try:
            stands = await self._parts.legacy.bring(source.name, access.key)
        except Erased:
            raise
        except StoreError as error:
            # That it cannot be stored here is no reason not to show it.
            log.warning("%s: not imported, answered from legacy: %s", source.name, error)
            await self._answer_from_legacy(access, which, rules, source)
            return
        if not stands:
            raise NotStored
        stored = await self._open(access, which)
        access.outcome = "imported"
        await self._send(access, stored, which, rules)

    async def _answer_from_legacy(
        self, access: Access, which: Which, rules: Rules, source: Source
    ) -> None:
        file = await open_legacy(self._parts, access, rules, source)
        if which.as_of is not None and not self._is_of(file, which.as_of):
            # Legacy knows the present alone; what was before, the disk may.
            if file is not None:
                await close(file)
            await self._send(access, await self._open(access, which), which, rules)
            return
        if file is not None and access.years is not None:
            await self._refuse_year(access, file)
        state: State | None = ABSENT
        try:
            if file is None:
                raise NotStored
            state = await send_legacy(access, file, rules, self._parts.patience.idle)
        finally:
            if source.mode == "shadow" and state is not None and which.as_of is None:
                self._parts.shadow.consider(access, source, state)

    async def _refuse_year(self, access: Access, file: LegacyFile) -> None:
        """Raise OutsideYears unless the grants reach the year that an import would give it."""
        try:
            access.close_decision(year_of(file, self._parts.time_zone))
        except OutsideYears:
            await close(file)
            raise

    def _is_of(self, file: LegacyFile | None, year: int) -> bool:
        """Whether the present state was that of the end of the year already."""
        return file is not None and year_of(file, self._parts.time_zone) <= year

    async def _answer_unchecked(
        self, access: Access, which: Which, rules: Rules, error: LegacyUnavailable
    ) -> None:
        """From the disk, and marked. Where nothing stands, nobody knows: that is no 404."""
        try:
            stored = await self._open(access, which)
        except NotStored:
            raise error from None
        except Deleted:
            mark_unchecked(access)
            raise
        mark_unchecked(access)
        await self._send(access, stored, which, rules)


def find_source(access: Access, rules: Rules) -> Source | None:
    """The source of the access's key, noted for the record."""
    assert access.key is not None
    source = rules.find_source(access.key)
    if source is not None:
        access.resource = source.name
    return source


def mark_unchecked(access: Access) -> None:
    """Say, in answer and record, that legacy could not be asked."""
    access.marks, access.outcome = (*access.marks, *UNCHECKED), "unchecked"


def refuse_write(access: Access, rules: Rules) -> None:
    """Raise WrittenInLegacy while the legacy system takes the writes of this file."""
    if not rules.sources:
        return
    source = find_source(access, rules)
    if source is not None and source.asks_legacy:
        raise WrittenInLegacy(source.name, source.mode)


async def open_legacy(
    parts: Parts, access: Access, rules: Rules, source: Source
) -> LegacyFile | None:
    """The current state of the access's file, after the tombstone of its data subject was asked.

    Raises Erased, LegacyUnavailable, LegacyDamaged.
    """
    assert access.collection is not None
    assert access.key is not None
    access.address = parts.store.address(access.collection, access.key).hex()
    return await open_unerased(parts, access.collection, access.key, rules, source)


async def open_unerased(
    parts: Parts, collection: str, key: str, rules: Rules, source: Source
) -> LegacyFile | None:
    """As `open_legacy`, of any key."""
    named = rules.erasure == "field"
    if not named:
        await _refuse_erased(parts, collection, rules.subject_of(key, None))
    file = await parts.legacy.open(source.name, key)
    if file is not None and named:
        try:
            await _refuse_erased(parts, collection, file.data_subject)
        except BaseException:
            await close(file)
            raise
    return file


async def _refuse_erased(parts: Parts, collection: str, subject: str | None) -> None:
    # A record that names nobody is about nobody whom a tombstone could name.
    if subject:
        await parts.reading(parts.store.refuse_erased, collection, subject)


def year_of(file: LegacyFile, zone: tzinfo) -> int:
    """The year that an import would give the file: that of its last change, else the current."""
    with contextlib.suppress(OverflowError, ValueError):  # legacy claims the year 20188
        if file.modified_ns is not None:
            return datetime.fromtimestamp(file.modified_ns // 1_000_000_000, zone).year
    return datetime.now(zone).year
