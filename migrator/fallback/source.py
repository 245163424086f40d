"""One source as the data plane asks it: lookups, reads and imports, each with bounds of its own."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

from contentserver.delivery.fallback import LegacyFile, LegacyUnavailable
from migrator.fallback import limits
from migrator.fallback.bulkhead import Bulkhead
from migrator.fallback.connections import (
    ImpatientConnection,
    address_with_limits,
    connect,
    probe,
)
from migrator.fallback.guard import Guard
from migrator.fallback.imports import Imports
from migrator.fallback.lookups import Lookups
from migrator.fallback.pending import PendingChanges
from migrator.fallback.reads import Reads
from migrator.importing import Importer
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import BadKey
from migrator.legacy.keys import key_of, record_of


class LegacySource:
    """Belongs to one event loop. Connections are made when they are first needed."""

    def __init__(
        self, description: Description, address: Callable[[], str], importer: Importer
    ) -> None:
        """`address` raises AddressMissing, AddressOpen."""
        self._description = description
        self._find_address = address
        self._guard = Guard(description.name, self._probe)
        self._pending = PendingChanges(description.name, self._address)
        self._lookups = Lookups(self._ask, at_once=limits.LOOKUP_CONNECTIONS)
        self._reads = Reads(description, self._guard, self._bulkhead("read", limits.READS))
        self._imports = Imports(importer, self._guard, self._bulkhead("import", limits.IMPORTS))

    @property
    def is_away(self) -> bool:
        """Whether the breaker keeps everybody from asking."""
        return self._guard.breaker.state != "closed"

    async def is_pending(self, key: str) -> bool:
        """As FallbackSource says."""
        self._guard.breaker.check()
        record = self._record(key)
        if record is None:
            return False
        try:
            async with asyncio.timeout(limits.ANSWER):
                return await self._lookups.find(record)
        except TimeoutError:
            self._guard.hangs()
            raise LegacyUnavailable("the legacy database does not answer") from None

    async def open(self, key: str) -> LegacyFile | None:
        """As FallbackSource says."""
        self._guard.breaker.check()
        record = self._record(key)
        return None if record is None else await self._reads.open(record)

    async def bring(self, key: str) -> bool:
        """As FallbackSource says."""
        self._guard.breaker.check()
        record = self._record(key)
        return False if record is None else await self._imports.bring(record)

    async def close(self) -> None:
        """Let all connections go, after those who use them; nobody may come any more."""
        await self._lookups.end()
        await self._pending.close()
        await self._reads.close()
        await self._imports.close()
        await self._guard.close()

    def _record(self, key: str) -> RecordId | None:
        """The only record whose key reads exactly so."""
        record = record_of(self._description, key)
        with suppress(BadKey):
            if record is not None and key_of(self._description, record) == key:
                return record
        return None

    async def _ask(self, records: Collection[RecordId]) -> Collection[RecordId]:
        with self._guard.asking():
            return await self._pending.ask(records)

    def _address(self) -> str:
        return address_with_limits(self._find_address())

    async def _probe(self) -> None:
        await probe(self._address())

    def _bulkhead(self, name: str, at_once: int) -> Bulkhead:
        return Bulkhead(
            f"legacy-{self._description.name}-{name}",
            self._connect,
            at_once=at_once,
            queue=limits.QUEUE,
        )

    def _connect(self) -> ImpatientConnection:
        return connect(self._address())
