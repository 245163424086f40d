"""What stands of a file: versions on disk, and where its source still asks legacy, what is there.

What GET would answer from legacy is told as such, `"from": "legacy"`, and without a version: it has
none yet. Nothing is imported for being listed.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from contentserver.delivery.access import Access
from contentserver.delivery.fallback import LegacyFile, LegacyUnavailable
from contentserver.delivery.from_legacy import close, digest_of, etag_of
from contentserver.delivery.modes import find_source, mark_unchecked, open_unerased, year_of
from contentserver.delivery.parts import Parts
from contentserver.delivery.rules import Rules
from contentserver.delivery.sources import Source
from contentserver.store.errors import Deleted, Erased, NotStored, OutsideYears
from contentserver.store.results import VersionInfo
from contentserver.store.store import Store
from skold.years import Years

AT_ONCE = 4  # keys of one request that legacy is asked for at the same time

Entry = dict[str, Any]
Place = tuple[str, str, Rules, Source]  # collection, key, and what holds there
ListStored = Callable[[], list[VersionInfo]]


class Standing:
    """For the handlers of /v1/versions and /v1/heads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def versions(self, access: Access, rules: Rules, list_stored: ListStored) -> list[Entry]:
        """Versions on disk, oldest first; last the state of legacy, where that is another one.

        Raises LegacyUnavailable where nothing stands; else the access is marked as unchecked.
        OutsideYears where all that stands is of years that the grants do not reach.
        """
        source = find_source(access, rules)
        if source is None or not source.asks_legacy:
            return _described(await self._parts.reading(list_stored))
        assert access.collection is not None
        assert access.key is not None
        place = (access.collection, access.key, rules, source)
        try:
            ahead = await self._is_ahead(source, access.key)
            current = await self._in_legacy(place, access.years) if ahead else None
        except LegacyUnavailable:
            stored = await self._parts.reading(list_stored)
            if not stored:
                raise
            mark_unchecked(access)
            return _described(stored)
        stored = await self._list_beside(list_stored, current)
        if not stored and not ahead:
            current = await self._in_legacy(place, access.years)
        if current is None or _is_latest(current, stored):
            return _described(stored)
        access.outcome = "from_legacy"
        return [*_described(stored), current]

    async def _list_beside(
        self, list_stored: ListStored, current: Entry | None
    ) -> list[VersionInfo]:
        """That no version on disk may be shown hides nothing of what legacy has."""
        try:
            return await self._parts.reading(list_stored)
        except OutsideYears:
            if current is None:
                raise
            return []

    async def heads(
        self,
        access: Access,
        rules: Rules,
        sources: Mapping[str, Source],
        years: Mapping[str, Years | None],
    ) -> dict[str, Entry | None]:
        """By key, what GET would answer with; None where it would find nothing, or nothing of
        `years`.

        Raises LegacyUnavailable where nothing stands of a key and legacy cannot be asked.
        """
        assert access.collection is not None
        collection = access.collection
        room = asyncio.Semaphore(AT_ONCE)

        async def ask(key: str, source: Source) -> tuple[Entry | None, str]:
            async with room:
                return await self._head((collection, key, rules, source), years[key])

        asking = [asyncio.ensure_future(ask(*each)) for each in sources.items()]
        try:
            answers = await asyncio.gather(*asking)
        finally:
            for each in asking:
                each.cancel()
        access.resource = next(iter(sources.values())).name
        outcomes = {outcome for _, outcome in answers}
        if "unchecked" in outcomes:
            mark_unchecked(access)
        elif "from_legacy" in outcomes:
            access.outcome = "from_legacy"
        return dict(zip(sources, (entry for entry, _ in answers), strict=True))

    async def _head(self, place: Place, years: Years | None) -> tuple[Entry | None, str]:
        """The entry, and who told it."""
        collection, key, _, source = place
        outcome, error = "served", None
        try:
            if await self._is_ahead(source, key):
                return await self._head_in_legacy(place, years)
        except LegacyUnavailable as unavailable:
            outcome, error = "unchecked", unavailable
        try:
            stored = await self._parts.reading(head_of, self._parts.store, collection, key, years)
        except NotStored:
            if error is not None:
                raise error from None
            return await self._head_in_legacy(place, years)
        return stored, outcome

    async def _head_in_legacy(self, place: Place, years: Years | None) -> tuple[Entry | None, str]:
        try:
            return await self._in_legacy(place, years), "from_legacy"
        except Erased:
            return None, "served"

    async def _is_ahead(self, source: Source, key: str) -> bool:
        """Whether legacy answers for the file now, whatever stands on disk."""
        return source.mode != "hybrid" or await self._parts.legacy.is_pending(source.name, key)

    async def _in_legacy(self, place: Place, years: Years | None) -> Entry | None:
        file = await open_unerased(self._parts, *place)
        if file is None:
            return None
        if years is not None and year_of(file, self._parts.time_zone) not in years:
            await close(file)
            return None
        return await _described_in_legacy(file)


def head_of(store: Store, collection: str, key: str, years: Years | None = None) -> Entry | None:
    """Version, size and digest of the latest; None if it was deleted or erased, or is of none of
    `years`. Raises NotStored.
    """
    try:
        with store.open_latest(collection, key, years=years) as stored:
            return {
                "version": str(stored.version),
                "etag": stored.etag,
                "size": stored.size,
                "sha256": stored.digest.hex(),
            }
    except (Deleted, Erased, OutsideYears):
        return None


async def _described_in_legacy(file: LegacyFile) -> Entry:
    """What is known without reading a stream."""
    try:
        entry: Entry = {"from": "legacy", "size": file.size, "media_type": file.media_type}
        entry["filename"] = file.filename
        if isinstance(file.content, bytes):
            entry["size"] = len(file.content)
        sha256 = await digest_of(file)
    finally:
        await close(file)
    if sha256 is not None:
        entry |= {"etag": etag_of(sha256), "sha256": sha256.hex()}
    return {name: value for name, value in entry.items() if value is not None}


def _is_latest(current: Entry, stored: list[VersionInfo]) -> bool:
    if not stored or stored[-1].deleted:
        return False
    return stored[-1].sha256.hex() == current.get("sha256")


def _described(found: list[VersionInfo]) -> list[Entry]:
    return [_describe(info) for info in found]


def _describe(info: VersionInfo) -> dict[str, Any]:
    return {
        "version": str(info.version),
        "etag": info.etag,
        "size": info.size,
        "sha256": info.sha256.hex(),
        "media_type": info.metadata.media_type,
        "filename": info.metadata.filename,
        "created_by": info.metadata.created_by,
        "committed_at": _rfc3339(info.committed_at_ns),
        "deleted": info.deleted,
        "imported": info.imported,
    }


def _rfc3339(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
