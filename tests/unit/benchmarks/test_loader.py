"""The load generator finds what is wrong; else a benchmark without errors would mean nothing."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from benchmarks import loader

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
Answer = Callable[[asyncio.StreamWriter, int], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    """A server that reads a head and lets `answer` write what it wants; yields its port."""
    count = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                count += 1
                await answer(writer, count)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def measure(answer: Answer, **load: float) -> loader.Outcome:
    """Ten GETs on two connections, each expected to be answered with "hello"."""
    digest = hashlib.sha256(b"hello").hexdigest()
    request = loader.Request(loader.head("GET", "/", {}), length=5, sha256=digest)
    options = {"count": 10, "grace": 30.0, **load}
    async with serving(answer) as port:
        asked = loader.Load("127.0.0.1", port, lambda _i: request, 2, **options)
        return await loader.run(asked)


def always(raw: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter, _count: int) -> None:
        writer.write(raw)

    return answer


async def test_right_answers_are_no_errors() -> None:
    outcome = await measure(always(GOOD))
    assert (outcome.requests, outcome.answers, outcome.failed) == (10, 10, 0)
    assert outcome.received == 50
    assert len(outcome.latencies) == 10


async def test_it_counts_an_unexpected_status_and_says_what_the_problem_was() -> None:
    body = b'{"title": "Overloaded", "detail": "later"}'
    raw = b"HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    outcome = await measure(always(raw))
    assert outcome.errors == {"status 503 (Overloaded: later)": 10}
    assert outcome.statuses == {503: 10}


async def test_it_says_when_retry_after_is_missing() -> None:
    outcome = await measure(always(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"))
    assert outcome.errors == {"status 503 without Retry-After": 10}


async def test_it_counts_a_wrong_length() -> None:
    outcome = await measure(always(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell"))
    assert outcome.errors == {"wrong length": 10}


async def test_it_counts_wrong_bytes_of_the_right_length() -> None:
    outcome = await measure(always(GOOD.replace(b"hello", b"hallo")))
    assert outcome.errors == {"wrong digest": 10}


async def test_it_counts_a_connection_that_ends_before_the_answer_and_goes_on() -> None:
    async def answer(writer: asyncio.StreamWriter, count: int) -> None:
        if count % 5 == 0:
            writer.write(GOOD[:-2])
            writer.close()
        else:
            writer.write(GOOD)

    outcome = await measure(answer)
    assert outcome.errors == {"connection ended before the answer": 2}
    assert (outcome.requests, outcome.answers) == (10, 8)


async def test_it_counts_what_is_never_answered() -> None:
    async def answer(_writer: asyncio.StreamWriter, _count: int) -> None:
        await asyncio.sleep(3600)

    outcome = await measure(answer, seconds=0.1, grace=0.2)
    assert outcome.errors == {"no answer in time": 2}


async def test_it_counts_garbage() -> None:
    outcome = await measure(always(b"no HTTP at all\r\n\r\n"))
    assert outcome.failed == 10
    assert all(name.startswith("garbled answer: ") for name in outcome.errors)


async def test_it_ends_when_its_time_is_over_and_lets_begun_requests_come_to_their_end() -> None:
    async def answer(writer: asyncio.StreamWriter, _count: int) -> None:
        await asyncio.sleep(0.05)
        writer.write(GOOD)

    outcome = await measure(answer, seconds=0.3, count=100_000)
    assert outcome.requests == outcome.answers > 2
    assert 0.3 <= outcome.seconds < 5


async def test_it_sends_a_body_whole() -> None:
    received = bytearray()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Content-Length: 3000000\r\n" in head
        received.extend(await reader.readexactly(3_000_000))
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    pieces = (b"a" * 1_000_000, b"b" * 2_000_000)
    head = loader.head("PUT", "/", {}, 3_000_000)
    request = loader.Request(head, pieces, frozenset({201}))
    port = server.sockets[0].getsockname()[1]
    outcome = await loader.run(loader.Load("127.0.0.1", port, lambda _i: request, 1, count=1))
    server.close()
    assert outcome.failed == 0
    assert bytes(received) == b"".join(pieces)


def test_outcomes_of_several_processes_add_up() -> None:
    first, second = loader.Outcome(requests=2, answers=1), loader.Outcome(requests=3, answers=3)
    first.errors["wrong length"] = 1
    second.errors["wrong length"] = 2
    second.latencies = [1000, 3000]
    first.add(loader.from_json(loader.to_json(second)))
    assert (first.requests, first.answers, first.failed) == (5, 4, 3)
    assert first.percentile(0.99) == 3.0


async def test_at_a_pace_a_slow_answer_costs_those_that_wait_behind_it() -> None:
    async def slow_first(writer: asyncio.StreamWriter, count: int) -> None:
        if count == 1:
            await asyncio.sleep(0.4)
        writer.write(GOOD)

    digest = hashlib.sha256(b"hello").hexdigest()
    request = loader.Request(loader.head("GET", "/", {}), length=5, sha256=digest)
    async with serving(slow_first) as port:
        load = loader.Load("127.0.0.1", port, lambda _i: request, 1, count=20, pace=40)
        outcome = await loader.run(load)
    assert (outcome.answers, outcome.failed) == (20, 0)
    assert outcome.seconds >= 19 / 40
    # The fifth was due after 100 ms and sent after 400.
    assert outcome.latencies[4] > 200_000
    assert min(outcome.latencies) < 100_000
