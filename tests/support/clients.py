"""Both Python clients behind one face, so that a test of one is a test of the other."""

import asyncio
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from contentserver.client import (
    AsyncClient,
    AsyncDownload,
    AsyncRemoteFile,
    AsyncUpload,
    Client,
)

KINDS = ("blocking", "awaited")
_WRAPPED = (AsyncClient, AsyncDownload, AsyncRemoteFile, AsyncUpload)


class Awaited:
    """An object of the async client whose methods wait, each in the same event loop."""

    def __init__(self, runner: asyncio.Runner, there: Any) -> None:
        self._runner, self._there = runner, there

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._there, name)
        return found if not callable(found) else lambda *a, **k: self._finish(found(*a, **k))

    def __iter__(self) -> Iterator[Any]:
        return self._each(aiter(self._there))

    def __enter__(self) -> Self:
        self._runner.run(self._there.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._there.__aexit__(*error))

    def _finish(self, result: Any) -> Any:
        if inspect.isasyncgen(result):
            return self._each(result)
        if inspect.iscoroutine(result):
            result = self._runner.run(result)
        return Awaited(self._runner, result) if isinstance(result, _WRAPPED) else result

    def _each(self, items: Any) -> Iterator[Any]:
        async def after() -> list[Any]:
            try:
                return [await anext(items)]
            except StopAsyncIteration:
                return []

        while found := self._runner.run(after()):
            yield found[0]


@contextmanager
def client_of(kind: str, url: str, **options: Any) -> Iterator[Any]:
    """A Client, or an AsyncClient that looks like one."""
    if kind == "blocking":
        with Client(url, **options) as client:
            yield client
        return
    with asyncio.Runner() as runner:

        async def made() -> AsyncClient:
            return AsyncClient(url, **options)

        with Awaited(runner, runner.run(made())) as client:
            yield client
