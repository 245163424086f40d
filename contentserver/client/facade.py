"""From an operation of the core to a method of a client, blocking or awaited; none is written
twice.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, get_args

from contentserver.client.steps import Flow, Op

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

Plan = Callable[Concatenate[Any, P], Op[T]]
Stream = Callable[Concatenate[Any, P], Flow[T]]


def local(plan: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """A method that needs no driver, the same in both clients."""

    @wraps(plan)
    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return plan(self._core, *args, **kwargs)

    return method


def blocking(plan: Plan[P, T]) -> Callable[Concatenate[Any, P], T]:
    """A method that runs the operation and returns its result."""

    @wraps(plan)
    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = self._driver.run(plan(self._core, *args, **kwargs))
        return result

    _show(method, plan)
    return method


def blocking_into(
    kind: Callable[[Any, Any], U], plan: Plan[P, Any]
) -> Callable[Concatenate[Any, P], U]:
    """As `blocking`, the result as an object with methods of its own."""

    @wraps(plan)
    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> U:
        return kind(self._driver, self._driver.run(plan(self._core, *args, **kwargs)))

    _show(method, plan, kind)
    return method


def iterating(plan: Stream[P, T]) -> Callable[Concatenate[Any, P], Iterator[T]]:
    """A method that returns an iterator over the flow."""

    @wraps(plan)
    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        items: Iterator[T] = self._driver.iterate(plan(self._core, *args, **kwargs))
        return items

    _show(method, plan, Iterator)
    return method


def awaited(plan: Plan[P, T]) -> Callable[Concatenate[Any, P], Awaitable[T]]:
    """As `blocking`, for the event loop."""

    @wraps(plan)
    async def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = await self._driver.run(plan(self._core, *args, **kwargs))
        return result

    _show(method, plan)
    return method


def awaited_into(
    kind: Callable[[Any, Any], U], plan: Plan[P, Any]
) -> Callable[Concatenate[Any, P], Awaitable[U]]:
    """As `blocking_into`, for the event loop."""

    @wraps(plan)
    async def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> U:
        return kind(self._driver, await self._driver.run(plan(self._core, *args, **kwargs)))

    _show(method, plan, kind)
    return method


def async_iterating(plan: Stream[P, T]) -> Callable[Concatenate[Any, P], AsyncIterator[T]]:
    """As `iterating`, for `async for`."""

    @wraps(plan)
    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        items: AsyncIterator[T] = self._driver.iterate(plan(self._core, *args, **kwargs))
        return items

    _show(method, plan, AsyncIterator)
    return method


def _show(method: Any, plan: Any, result: Any = None) -> None:
    """Have help() show the operation's arguments, and what the method returns."""
    signature = inspect.signature(plan)
    if result is None:
        result = get_args(signature.return_annotation)[2]
    method.__signature__ = signature.replace(return_annotation=result)
