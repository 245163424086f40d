"""Long bodies never reach the control plane: nobody without a credential fills the disk."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from contentserver.bodies import LARGEST, ShortBodies


def ask(pieces: Iterator[bytes], *headers: tuple[bytes, bytes], largest: int = 10) -> list[Any]:
    """What an application behind the limit has read in all, then what was sent."""
    seen: list[Any] = []

    async def application(_scope: Any, receive: Any, _send: Any) -> None:
        more, whole = True, b""
        while more:
            message = await receive()
            whole += message["body"]
            more = message["more_body"]
        seen.append(whole)

    async def receive() -> dict[str, Any]:
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: Any) -> None:
        seen.append(message.get("status"))

    asyncio.run(ShortBodies(application, largest)({"headers": headers}, receive, send))
    return seen


def test_a_body_up_to_the_limit_arrives_whole() -> None:
    assert ask(iter([b"12345", b"67890"]), (b"content-length", b"10")) == [b"1234567890"]


@pytest.mark.parametrize("announced", [b"11", b"9" * 30])
def test_a_long_one_that_is_announced_is_never_read(announced: bytes) -> None:
    def never() -> Iterator[bytes]:
        pytest.fail("it was read")
        yield b""

    assert ask(never(), (b"content-length", announced)) == [413, None]


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"4")], [(b"content-length", b"x")]])
def test_one_that_only_turns_out_to_be_long_is_cut_off(headers: list[tuple[bytes, bytes]]) -> None:
    endless = iter(lambda: b"1234", None)
    assert ask(endless, *headers) == [413, None]


def test_both_ways_into_django_have_the_limit() -> None:
    from django.conf import settings
    from django.test import Client

    from contentserver import asgi

    assert isinstance(asgi.application._control, ShortBodies)
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE == LARGEST
    for path in ("/admin/login/", "/api/v1/clients", "/nothing"):
        answer = Client().generic("POST", path, b"x" * (LARGEST + 1))
        assert answer.status_code == 413, path
