"""A long file on its way from legacy: one piece at a time, when the taker asks for it.

It holds a slot, and over there a snapshot, until it is closed. A taker that stalls, or forgot it,
loses it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import psycopg

from contentserver.delivery.fallback import LegacyDamaged, LegacyUnavailable
from migrator.fallback import limits
from migrator.fallback.abandon import in_background
from migrator.fallback.bulkhead import Slot
from migrator.legacy.errors import LegacyError

log = logging.getLogger(__name__)


class LegacyStream(AsyncIterator[bytes]):
    """Pieces of the plaintext. Raises LegacyDamaged rather than end early, LegacyUnavailable."""

    def __init__(
        self,
        slot: Slot,
        opened: AbstractContextManager[Any],
        first: list[bytes],
        rest: Iterator[bytes],
        closed: Callable[[], None],
    ) -> None:
        """`opened` was entered on the slot's thread and is left there; `closed` is called once."""
        self._slot = slot
        self._opened = opened
        self._first = first[::-1]
        self._rest = rest
        self._closed: Callable[[], None] | None = closed
        self._timer = self._wind()

    def __aiter__(self) -> "LegacyStream":
        return self

    async def __anext__(self) -> bytes:
        if self._closed is None:
            raise LegacyUnavailable("the reading of this file was given up")
        self._timer.cancel()
        try:
            piece = self._first.pop() if self._first else await self._read()
        except BaseException:
            await self.aclose()
            raise
        self._timer = self._wind()
        return piece

    async def aclose(self) -> None:
        """Let snapshot and slot go, after what is under way. May be called again."""
        self._timer.cancel()
        if self._closed is None:
            return
        closed, self._closed = self._closed, None
        self._first.clear()
        try:
            await self._slot.run(lambda _: self._opened.__exit__(None, None, None))
        except Exception as error:  # noqa: BLE001 - the connection is gone, and what it held
            log.info("legacy_stream_lost", extra={"problem": type(error).__name__})
        finally:
            self._slot.free()
            closed()

    async def _read(self) -> bytes:
        try:
            piece = await self._slot.run(lambda _: next(self._rest, None))
        except LegacyError as damage:
            raise LegacyDamaged(str(damage)) from damage
        except psycopg.Error as error:
            raise LegacyUnavailable("the legacy database broke off") from error
        if piece is None:
            raise StopAsyncIteration
        return piece

    def _wind(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(limits.STALL, self._give_up)

    def _give_up(self) -> None:
        in_background(self.aclose())
