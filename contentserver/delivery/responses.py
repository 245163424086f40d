"""How an answer leaves: small bodies in one piece, long ones in pieces with back-pressure and a
time-out of our own.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson

from contentserver.delivery.access import Access
from contentserver.delivery.errors import PeerGone
from contentserver.protocol.problems import CONTENT_TYPE, Problem

Headers = list[tuple[bytes, bytes]]
ALWAYS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
]


async def send_whole(access: Access, status: int, headers: Headers, body: bytes = b"") -> None:
    """Send an answer whose body is at hand; `content-length` is ours to add unless the caller gave
    it.
    """
    request = access.request
    access.status = status
    headers += ALWAYS
    headers.append((b"x-request-id", request.request_id.encode()))
    if access.marks:
        headers = _marked(headers, access.marks)
    await request.send({"type": "http.response.start", "status": status, "headers": headers})
    if request.bare:
        body = b""
    await request.send({"type": "http.response.body", "body": body})
    access.sent = len(body)


async def send_stream(
    access: Access, status: int, headers: Headers, chunks: AsyncIterator[bytes], idle: float
) -> None:
    """Send chunk by chunk. Raises PeerGone if the reader leaves or takes nothing for `idle`
    seconds.
    """
    request = access.request
    access.status = status
    headers += ALWAYS
    headers.append((b"x-request-id", request.request_id.encode()))
    if access.marks:
        headers = _marked(headers, access.marks)
    await request.send({"type": "http.response.start", "status": status, "headers": headers})
    gone = asyncio.ensure_future(_disconnected(request.receive))
    try:
        async for chunk in chunks:
            async with asyncio.timeout(idle):
                await request.send({"type": "http.response.body", "body": chunk, "more_body": True})
            if gone.done():
                raise PeerGone("the reader left before the last byte")
            access.sent += len(chunk)
        await request.send({"type": "http.response.body", "body": b"", "more_body": False})
    except TimeoutError:
        raise PeerGone(f"the reader took nothing for {idle:g} seconds") from None
    finally:
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def send_json(access: Access, status: int, headers: Headers, document: Any) -> None:
    body = orjson.dumps(document)
    headers += [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    await send_whole(access, status, headers, body)


async def send_problem(access: Access, answer: Problem, headers: Headers) -> None:
    """RFC 9457, never with a trace."""
    body = answer.to_json()
    headers += [
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    await send_whole(access, answer.status, headers, body)


def _marked(headers: Headers, marks: Sequence[tuple[bytes, bytes]]) -> Headers:
    """A mark takes the place of a header of its name."""
    names = {name for name, _ in marks}
    return [*(pair for pair in headers if pair[0] not in names), *marks]


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
