"""A .zip over HTTP while it is being made."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse


def download(request: HttpRequest, chunks: Iterator[bytes], name: str) -> StreamingHttpResponse:
    """`chunks` as an attachment called `name`. Raises what the first chunk raises: then nothing has
    been answered yet.
    """
    first = next(chunks, b"")
    body: Any = _whole(first, chunks)
    if isinstance(request, ASGIRequest):
        body = _unblocked(first, chunks)
    return StreamingHttpResponse(
        body,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


def _whole(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


async def _unblocked(first: bytes, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Under ASGI Django would read a plain iterator whole before the first byte leaves."""
    yield first
    following = sync_to_async(lambda: next(chunks, None), thread_sensitive=False)
    while (chunk := await following()) is not None:
        yield chunk
