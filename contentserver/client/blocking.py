"""The driver on blocking sockets: httpx with a pool of connections that outlive requests."""

import time
from collections.abc import Iterator
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


class Driver:
    """Runs operations; for many threads, as httpx.Client is."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def run(self, operation: Op[T]) -> T:
        """The operation's result."""
        turns: Turns[T] = Turns(operation)
        for _ in self._turn(turns):
            pass
        return turns.result

    def iterate(self, flow: Flow[T]) -> Iterator[T]:
        """The flow's items."""
        return self._turn(Turns(flow))

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _turn(self, turns: Turns[Any]) -> Iterator[Any]:
        try:
            while (step := turns.step()) is not None:
                if isinstance(step, Emit):
                    yield step.item
                    continue
                try:
                    turns.took(self._do(step))
                except Exception as error:  # noqa: BLE001 - the operation decides
                    turns.failed(error)
        except GeneratorExit:
            turns.abandon()
            raise
        finally:
            for answer in turns.end():
                self._drop(answer)

    def _do(self, step: Any) -> Any:
        match step:
            case Send(request, stream):
                return self._send(request, stream=stream)
            case Next(answer):
                return self._next(answer)
            case Drop(answer):
                return self._drop(answer)
            case Pull(source):
                return next(source, None)
            case Wait(seconds):
                return time.sleep(seconds)
            case Work(call):
                return call()
        raise TypeError(f"no step: {step!r}")

    def _send(self, request: Request, *, stream: bool) -> Answer:
        try:
            built = self._http.build_request(
                request.method, request.url, headers=framed(request), content=_content(request)
            )
            response = self._http.send(built, stream=True)
            tell_all(request)
            status, headers = response.status_code, lowered(response.headers)
            if stream and status < 400:
                return Answer(status, headers, stream=(response, response.iter_raw()))
            try:
                return Answer(status, headers, response.read())
            finally:
                response.close()
        except httpx.TransportError as error:
            raise broken_by(error) from error

    def _next(self, answer: Answer) -> bytes:
        try:
            return next(answer.stream[1], b"")
        except httpx.TransportError as error:
            raise broken_by(error) from error

    def _drop(self, answer: Answer) -> None:
        if answer.stream is not None:
            answer.stream[0].close()


def _content(request: Request) -> bytes | Iterator[bytes] | None:
    return request.body if isinstance(request.body, bytes | None) else _told(request, request.body)


def _told(request: Request, body: Body | Passing) -> Iterator[bytes]:
    done = 0
    for piece in body.pieces():
        yield piece
        done += len(piece)
        if request.told is not None:
            request.told(done)
