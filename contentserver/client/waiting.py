"""The driver on an event loop of asyncio. Local files are read and written on threads."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar

import httpx

from contentserver.client.steps import (
    Answer,
    Body,
    Drop,
    Emit,
    Flow,
    Next,
    Op,
    Passing,
    Pull,
    Request,
    Send,
    Wait,
    Work,
)
from contentserver.client.turns import Turns, broken_by, framed, lowered, tell_all

T = TypeVar("T")


class AsyncDriver:
    """Runs operations; for the tasks of one event loop, as httpx.AsyncClient is."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def run(self, operation: Op[T]) -> T:
        """The operation's result."""
        turns: Turns[T] = Turns(operation)
        async for _ in self._turn(turns):
            pass
        return turns.result

    def iterate(self, flow: Flow[T]) -> AsyncIterator[T]:
        """The flow's items."""
        return self._turn(Turns(flow))

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _turn(self, turns: Turns[Any]) -> AsyncIterator[Any]:
        try:
            while (step := turns.step()) is not None:
                if isinstance(step, Emit):
                    yield step.item
                    continue
                try:
                    turns.took(await self._do(step))
                except Exception as error:  # noqa: BLE001 - the operation decides
                    turns.failed(error)
        except GeneratorExit:
            turns.abandon()
            raise
        finally:
            for answer in turns.end():
                await self._drop(answer)

    async def _do(self, step: Any) -> Any:
        match step:
            case Send(request, stream):
                return await self._send(request, stream=stream)
            case Next(answer):
                return await self._next(answer)
            case Drop(answer):
                return await self._drop(answer)
            case Pull(source):
                return await _pull(source)
            case Wait(seconds):
                return await asyncio.sleep(seconds)
            case Work(call):
                return await asyncio.to_thread(call)
        raise TypeError(f"no step: {step!r}")

    async def _send(self, request: Request, *, stream: bool) -> Answer:
        try:
            built = self._http.build_request(
                request.method, request.url, headers=framed(request), content=_content(request)
            )
            response = await self._http.send(built, stream=True)
            tell_all(request)
            status, headers = response.status_code, lowered(response.headers)
            if stream and status < 400:
                return Answer(status, headers, stream=(response, response.aiter_raw()))
            try:
                return Answer(status, headers, await response.aread())
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise broken_by(error) from error

    async def _next(self, answer: Answer) -> bytes:
        try:
            piece: bytes = await anext(answer.stream[1], b"")
        except httpx.TransportError as error:
            raise broken_by(error) from error
        return piece

    async def _drop(self, answer: Answer) -> None:
        if answer.stream is not None:
            await answer.stream[0].aclose()


async def _pull(source: Any) -> bytes | None:
    if hasattr(source, "__anext__"):
        item: bytes | None = await anext(source, None)
        return item
    return await asyncio.to_thread(_next, source)


def _next(source: Iterator[bytes]) -> bytes | None:
    return next(source, None)


def _content(request: Request) -> bytes | AsyncIterator[bytes] | None:
    return request.body if isinstance(request.body, bytes | None) else _told(request, request.body)


async def _told(request: Request, body: Body | Passing) -> AsyncIterator[bytes]:
    done = 0
    async for piece in _pieces(body):
        yield piece
        done += len(piece)
        if request.told is not None:
            request.told(done)


async def _pieces(body: Body | Passing) -> AsyncIterator[bytes]:
    if isinstance(body, Passing):
        for piece in body.taken:
            body.seen(piece)
            yield piece
        while (item := await _pull(body.pull)) is not None:
            body.seen(item)
            yield item
    elif body.blocking:
        source = body.pieces()
        while (item := await asyncio.to_thread(_next, source)) is not None:
            yield item
    else:
        for piece in body.pieces():
            yield piece
