"""The request's body, with time-outs of our own: servers wait for a stalled body for ever
(Slowloris).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from contentserver.delivery.errors import BodyCut, BodyStalled, BodyTooLarge
from contentserver.delivery.request import Request

GRACE = 30.0  # seconds before the minimum rate is asked for: a slow start is not an attack


@dataclass(frozen=True, slots=True)
class Patience:
    """`idle` seconds without a byte, or fewer than `minimum_rate` bytes a second over all, end a
    body.
    """

    idle: float
    minimum_rate: int


async def iter_body(
    request: Request, patience: Patience, limit: int | None
) -> AsyncIterator[bytes]:
    """Yield the body as it arrives; the end is reached only if every announced byte came.

    Raises BodyStalled, BodyCut (client gone: an aborted body can look like a clean end, so the sum
    is compared with
    Content-Length), BodyTooLarge (beyond `limit` bytes).
    """
    announced = request.content_length
    if limit is not None and announced is not None and announced > limit:
        raise BodyTooLarge(
            f"the body has {announced} bytes; this collection takes at most {limit}", close=True
        )
    received, began, more = 0, time.monotonic(), announced != 0
    while more:
        chunk, more = await _next(request, patience)
        received += len(chunk)
        if limit is not None and received > limit:
            raise BodyTooLarge(
                f"the body is longer than the {limit} bytes this collection takes", close=True
            )
        elapsed = time.monotonic() - began
        if elapsed > GRACE and received < elapsed * patience.minimum_rate:
            raise BodyStalled(
                f"the body arrives slower than {patience.minimum_rate} bytes a second", close=True
            )
        if chunk:
            yield chunk
        chunk = b""  # hundreds of bodies may wait for their next one
    if announced is not None and received != announced:
        raise BodyCut(f"{announced} bytes were announced, {received} arrived", close=True)


async def _next(request: Request, patience: Patience) -> tuple[bytes, bool]:
    try:
        async with asyncio.timeout(patience.idle):
            message = await request.receive()
    except TimeoutError:
        raise BodyStalled(
            f"no byte of the body arrived for {patience.idle:g} seconds", close=True
        ) from None
    if message["type"] == "http.disconnect":
        raise BodyCut("the connection closed before the body was complete", close=True)
    return message.get("body", b""), message.get("more_body", False)


async def read_small(request: Request, patience: Patience, limit: int) -> bytes:
    """The whole body, at most `limit` bytes, for JSON documents."""
    return b"".join([chunk async for chunk in iter_body(request, patience, limit)])
