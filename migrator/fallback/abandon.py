"""Work that is waited for only so long, and comes to its end without whoever asked for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)
_left: set[asyncio.Task[Any]] = set()  # the loop itself holds tasks weakly


async def within(
    seconds: float,
    work: Coroutine[Any, Any, T],
    let_go: Callable[[T], Awaitable[None]] | None = None,
) -> T:
    """The work's result. After `seconds`, or when the caller is cancelled, the work goes on alone,
    and what it brings is given to `let_go`. Raises TimeoutError, and what the work raises.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=max(seconds, 0))
    except BaseException:
        _leave(task, let_go)
        raise
    if not done:
        _leave(task, let_go)
        raise TimeoutError
    return task.result()


def in_background(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Let it run to its end, though nobody waits for it."""
    task = asyncio.get_running_loop().create_task(work)
    _left.add(task)
    task.add_done_callback(_left.discard)
    return task


def _leave(task: asyncio.Task[T], let_go: Callable[[T], Awaitable[None]] | None) -> None:
    in_background(_end(task, let_go))


async def _end(task: asyncio.Task[T], let_go: Callable[[T], Awaitable[None]] | None) -> None:
    try:
        result = await task
        if let_go is not None:
            await let_go(result)
    except Exception as error:  # noqa: BLE001 - nobody is left to hear of it but the log
        log.info("legacy_abandoned", extra={"problem": f"{type(error).__name__}: {error}"})
