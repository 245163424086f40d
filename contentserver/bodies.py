"""Bodies of the control plane are forms and JSON, hence short. A longer one is refused before
anybody looks at who sends it: Django under ASGI keeps a body whole before it asks, and the parts of
a form besides, so a stranger could fill the disk. Imports no Django.
"""

from collections.abc import MutableMapping
from typing import Any

from contentserver.planes import Application, Message, Receive, Scope, Send
from contentserver.protocol.problems import CONTENT_TYPE, Problem, problem

LARGEST = 2_621_440
"""Bytes of a body: what Django takes of a form by default."""


class _TooLong(Exception):
    """More bytes have arrived than the limit, whatever was announced."""


class ShortBodies:
    """An ASGI application in front of another: 413 for a body above the limit, and the connection
    is closed. No request came about, so it leaves no record.
    """

    def __init__(self, application: Application, largest: int = LARGEST) -> None:
        self._application = application
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _announced(scope) > self._largest:
            await _refuse(send)
            return
        try:
            await self._application(scope, _counted(receive, self._largest), send)
        except _TooLong:
            await _refuse(send)


def too_long() -> Problem:
    """413 as it is answered."""
    return problem("too_large", f"a body here has at most {LARGEST} bytes")


def _announced(scope: Scope) -> int:
    """What Content-Length says; 0 where it says nothing that can be read."""
    values = [value for name, value in scope.get("headers", ()) if name == b"content-length"]
    return max((int(value[:18]) for value in values if value.isdigit()), default=0)


def _counted(receive: Receive, largest: int) -> Receive:
    received = 0

    async def count() -> MutableMapping[str, Any]:
        nonlocal received
        message: Message = await receive()
        received += len(message.get("body", b""))
        if received > largest:
            raise _TooLong
        return message

    return count


async def _refuse(send: Send) -> None:
    answer = too_long()
    body = answer.to_json()
    headers = [
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
