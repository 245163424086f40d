"""Many requests, one question: all that wait are asked together.

A lookup's answer comes from a query that began after the lookup came in. One that is under way may
have taken its snapshot before a change that this request must see, so nobody joins it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable
from typing import Generic, TypeVar

from contentserver.delivery.fallback import LegacyUnavailable

T = TypeVar("T", bound=Hashable)


class Lookups(Generic[T]):
    """Rounds of questions, at most `at_once` of them under way. Belongs to one event loop."""

    def __init__(
        self,
        ask: Callable[[Collection[T]], Awaitable[Collection[T]]],
        *,
        at_once: int,
        at_most: int = 1_000,
    ) -> None:
        """`ask` says which of up to `at_most` items it is true for, or raises LegacyUnavailable."""
        self._ask = ask
        self._at_once = at_once
        self._at_most = at_most
        self._waiting: dict[T, list[asyncio.Future[bool]]] = {}
        self._rounds: set[asyncio.Task[None]] = set()

    async def find(self, item: T) -> bool:
        """Whether it is true for this item. Raises LegacyUnavailable."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(item, []).append(future)
        self._begin()
        return await future

    async def end(self) -> None:
        """Return when nobody waits any more."""
        while self._rounds:
            await asyncio.wait(self._rounds)

    def _begin(self) -> None:
        if len(self._rounds) < self._at_once:
            self._rounds.add(asyncio.create_task(self._run()))

    async def _run(self) -> None:
        """Starts after the loop has handled what is ready: those requests share the round too."""
        this = asyncio.current_task()
        assert this is not None
        try:
            while self._waiting:
                await self._ask_for(self._take())
        finally:
            # Not by a callback of the task: whoever came between its end and that would wait on.
            self._rounds.discard(this)

    def _take(self) -> dict[T, list[asyncio.Future[bool]]]:
        taken = {item: self._waiting[item] for item in list(self._waiting)[: self._at_most]}
        for item in taken:
            del self._waiting[item]
        return taken

    async def _ask_for(self, taken: dict[T, list[asyncio.Future[bool]]]) -> None:
        try:
            found = await self._ask(taken.keys())
        except asyncio.CancelledError:
            _tell(taken, lambda future, _: future.cancel())
            raise
        except LegacyUnavailable as error:
            reason = str(error)  # each gets an exception, and so a traceback, of its own
            _tell(taken, lambda future, _: future.set_exception(LegacyUnavailable(reason)))
        else:
            _tell(taken, lambda future, item: future.set_result(item in found))


def _tell(
    taken: dict[T, list[asyncio.Future[bool]]],
    settle: Callable[[asyncio.Future[bool], T], object],
) -> None:
    for item, futures in taken.items():
        for future in futures:
            if not future.done():  # its request gave up
                settle(future, item)
