"""The legacy databases as delivery asks them: through the fallback that the configuration names,
made only once a source is there, so that nothing of it costs an installation without one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any

from contentserver.delivery.fallback import FallbackSource, LegacyFile, LegacyUnavailable

log = logging.getLogger(__name__)

Make = Callable[[], FallbackSource]


class Legacy:
    """A FallbackSource that comes into being when it is first needed."""

    def __init__(self, make: Make | None) -> None:
        """`make` may block, for it imports a module; None: no fallback is configured."""
        self._make = make
        self._rows: Sequence[dict[str, Any]] = ()
        self._fallback: FallbackSource | None = None
        self._beginning = asyncio.Lock()

    def describe(self, rows: Sequence[dict[str, Any]]) -> None:
        """Take the sources of the policy in force."""
        self._rows = rows
        if self._fallback is not None:
            self._fallback.describe(rows)

    async def begin(self) -> None:
        """Be ready before the first request, if there are sources."""
        if self._rows and self._make is not None:
            with contextlib.suppress(LegacyUnavailable):  # logged; asked again by each request
                await self._ready()

    async def close(self) -> None:
        """Let all connections go."""
        if self._fallback is not None:
            await self._fallback.close()

    async def is_pending(self, source: str, key: str) -> bool:
        """As FallbackSource."""
        return await (self._fallback or await self._ready()).is_pending(source, key)

    async def open(self, source: str, key: str) -> LegacyFile | None:
        """As FallbackSource."""
        return await (self._fallback or await self._ready()).open(source, key)

    async def bring(self, source: str, key: str) -> bool:
        """As FallbackSource."""
        return await (self._fallback or await self._ready()).bring(source, key)

    def breakers(self) -> dict[str, bool]:
        """By source, whether its breaker is open: legacy is taken to be away and not asked."""
        return getattr(self._fallback, "breakers", dict)()

    async def _ready(self) -> FallbackSource:
        if self._make is None:
            raise LegacyUnavailable("no fallback is configured; set CONTENTSERVER_FALLBACK")
        async with self._beginning:
            if self._fallback is None:
                fallback = await self._made(self._make)
                fallback.describe(self._rows)
                self._fallback = fallback
        return self._fallback

    @staticmethod
    async def _made(make: Make) -> FallbackSource:
        try:
            fallback = await asyncio.to_thread(make)
            await fallback.start()
        except Exception as error:
            log.exception("the fallback does not start")
            raise LegacyUnavailable("the fallback does not start; see the log") from error
        return fallback
