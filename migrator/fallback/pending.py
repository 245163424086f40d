"""Whether changes wait in a source's change log: the question of each read in hybrid mode."""

from collections.abc import Callable, Collection
from typing import Any

from psycopg_pool import AsyncConnectionPool

from migrator.fallback import limits
from migrator.fallback.connections import (
    OPTIONS,
    ImpatientAsyncConnection,
    check,
    configure,
)
from migrator.legacy.changes import found_pending, pending_many
from migrator.legacy.description import RecordId


class PendingChanges:
    """Asks the change log of one source, on connections of its own. Belongs to one event loop."""

    def __init__(self, source: str, address: Callable[[], str]) -> None:
        """`address` is asked at the first question."""
        self._source = source
        self._address = address
        self._pool: AsyncConnectionPool[ImpatientAsyncConnection] | None = None

    async def ask(self, records: Collection[RecordId]) -> set[RecordId]:
        """Which of these records have a pending change. Raises psycopg.Error."""
        sql, values = pending_many(self._source, records)
        async with (await self._opened()).connection() as connection:
            rows = await (await connection.execute(sql, values)).fetchall()
        return found_pending(records, rows)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close(timeout=limits.STATEMENT)

    async def _opened(self) -> AsyncConnectionPool[ImpatientAsyncConnection]:
        if self._pool is None:
            self._pool = _pool(self._source, self._address())
        await self._pool.open(wait=False)
        return self._pool


def _pool(source: str, address: str) -> AsyncConnectionPool[Any]:
    """It gives up soon on a server that is away: whoever asks next begins anew, and the breaker
    says when.
    """
    return AsyncConnectionPool(
        address,
        connection_class=ImpatientAsyncConnection,
        kwargs=OPTIONS,
        min_size=0,
        max_size=limits.LOOKUP_CONNECTIONS,
        open=False,
        configure=configure,
        check=check,
        name=f"legacy {source}",
        timeout=limits.CONNECT,
        max_waiting=2 * limits.LOOKUP_CONNECTIONS,
        max_idle=60.0,
        reconnect_timeout=1.0,
        num_workers=1,
    )
