"""Which plane answers which path. Imports no Django."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = dict[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

PEER = "contentserver.peer"
"""In the scope of a request: the address of the other end of the connection itself."""
DATA_PREFIX = "/v1/"
DATA_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class Planes:
    """One ASGI application made of two. The server's start and stop belong to the data plane."""

    def __init__(
        self,
        *,
        data: Application,
        control: Application,
        is_legacy: Callable[[Scope], bool] = lambda _scope: False,
    ) -> None:
        """`is_legacy`: whether a request at no path of the data plane's is at a legacy address."""
        self._data = data
        self._control = control
        self._is_legacy = is_legacy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or belongs_to_data(scope["path"]):
            await self._data(scope, receive, send)
        elif scope["type"] == "http":
            plane = self._data if self._is_legacy(scope) else self._control
            await plane(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})


def belongs_to_data(path: str) -> bool:
    """Whether the decoded path is the data plane's."""
    return path.startswith(DATA_PREFIX) or path in DATA_PATHS
