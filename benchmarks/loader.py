"""A load generator that counts what went wrong as carefully as what went right.

`asyncio.run(run(load))` keeps `connections` keep-alive connections busy until `seconds` have passed
or `count` requests were made, and lets every request that was begun come to its end: so the number
of its requests can be compared with the server's own records, one by one. It needs httptools (and
uvloop, where installed), no wrk.

A request counts as an error, named in `Outcome.errors`, when its status is not one of the expected
ones, its length or digest differs, its connection ends before its answer, or no answer came within
`grace` seconds.
"""

import asyncio
import hashlib
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httptools

COUNTED_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the bytes of its head, its body, and the answer that counts as right."""

    head: bytes
    body: tuple[bytes | memoryview, ...] = ()
    expect: frozenset[int] = frozenset({200})
    length: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What to do: `make(i)` gives the i-th request; the run ends after `seconds` or `count`,
    whichever comes first.

    `pace`: so many requests a second fall due, whatever became of those before, and latencies count
    from then. None: each connection asks as soon as it has its answer.
    """

    host: str
    port: int
    make: Callable[[int], Request]
    connections: int
    seconds: float | None = None
    count: int | None = None
    grace: float = 60.0
    pace: float | None = None


@dataclass(slots=True)
class Outcome:
    """What happened. Latencies are microseconds, one for each answer; `requests` counts every
    request begun.
    """

    requests: int = 0
    answers: int = 0
    seconds: float = 0.0
    received: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    latencies: list[int] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Milliseconds within which `share` (0 to 1) of the answers came; 0 without answers."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1000 if ordered else 0.0

    @property
    def failed(self) -> int:
        return self.errors.total()

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds if self.seconds else 0.0

    def add(self, other: "Outcome") -> None:
        """Take in what another process of the same run counted."""
        self.requests += other.requests
        self.answers += other.answers
        self.seconds = max(self.seconds, other.seconds)
        self.received += other.received
        self.statuses += other.statuses
        self.errors += other.errors
        self.latencies += other.latencies


class _Run:
    def __init__(self, load: Load) -> None:
        self.load = load
        self.outcome = Outcome()
        self.began = time.perf_counter()
        self.numbers = itertools.count()
        self.busy = 0
        self.open_requests = 0
        self.idle = asyncio.Event()
        self.stopped = False
        self.tasks: set[asyncio.Task[None]] = set()

    def is_over(self) -> bool:
        """Whether no further request is to be begun."""
        load = self.load
        if load.seconds is not None and time.perf_counter() - self.began >= load.seconds:
            self.stopped = True
        if load.count is not None and self.outcome.requests >= load.count:
            self.stopped = True
        return self.stopped

    def next_request(self) -> tuple[Request, float] | None:
        """The next request and when it is due, or None when the run is over."""
        if self.is_over():
            return None
        self.outcome.requests += 1
        self.open_requests += 1
        number = next(self.numbers)
        pace = self.load.pace
        due = time.perf_counter() if pace is None else self.began + number / pace
        return self.load.make(number), due


class _Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.transport: asyncio.Transport
        self.request: Request | None = None
        self.pieces: list[bytes | memoryview] = []
        self.paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own are no subclass
        self.parser = httptools.HttpResponseParser(self)
        self._next()

    def _next(self) -> None:
        if self.transport.is_closing():
            return
        found = self.run.next_request()
        if found is None:
            self.transport.close()
            return
        self.request, self.due = found
        self.received = 0
        self.hash = hashlib.sha256() if self.request.sha256 else None
        early = self.due - time.perf_counter()
        if early > 0:
            asyncio.get_running_loop().call_later(early, self._send, self.request)
        else:
            self._send(self.request)

    def _send(self, request: Request) -> None:
        if self.request is not request or self.transport.is_closing():
            return
        self.pieces = list(reversed(request.body))
        self.transport.write(request.head)
        self._pump()

    def _pump(self) -> None:
        while self.pieces and not self.paused:
            self.transport.write(self.pieces.pop())

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self._pump()

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"garbled answer: {type(error).__name__}")
            self.transport.abort()

    def on_header(self, name: bytes, _value: bytes) -> None:
        if name.lower() == b"retry-after":
            self.retry_after = True

    def on_message_begin(self) -> None:
        self.retry_after = False
        self.refusal = b""

    def on_body(self, body: bytes) -> None:
        self.received += len(body)
        if self.hash is not None:
            self.hash.update(body)
        if self.request is not None and self.parser.get_status_code() not in self.request.expect:
            self.refusal = (self.refusal + body)[:4096]

    def on_message_complete(self) -> None:
        request, outcome = self.request, self.run.outcome
        if request is None:
            return
        self.run.open_requests -= 1
        outcome.answers += 1
        outcome.received += self.received
        outcome.latencies.append(int((time.perf_counter() - self.due) * 1_000_000))
        status = self.parser.get_status_code()
        outcome.statuses[status] += 1
        wrong = self._find_wrong(request, status)
        if wrong:
            outcome.errors[wrong] += 1
        self.request = None
        if self.pieces or not self.parser.should_keep_alive():
            self.transport.close()
        else:
            # Not from within the parser's callback: first it has to finish with this answer.
            asyncio.get_running_loop().call_soon(self._next)

    def _find_wrong(self, request: Request, status: int) -> str | None:
        if status not in request.expect:
            named = f"status {status}{_problem(self.refusal)}"
            return named if self.retry_after else f"{named} without Retry-After"
        if request.length is not None and self.received != request.length:
            return "wrong length"
        if self.hash is not None and self.hash.hexdigest() != request.sha256:
            return "wrong digest"
        return None

    def connection_lost(self, _exc: Exception | None) -> None:
        self._fail("connection ended before the answer")
        task = asyncio.get_running_loop().create_task(_connect(self.run))
        self.run.tasks.add(task)
        task.add_done_callback(self.run.tasks.discard)

    def _fail(self, reason: str) -> None:
        if self.request is not None:
            self.run.open_requests -= 1
            self.run.outcome.errors[reason] += 1
            self.request = None


def _problem(body: bytes) -> str:
    """What an answer of RFC 9457 says is wrong, in brackets."""
    try:
        problem = json.loads(body)
    except ValueError:
        return ""
    return f" ({problem.get('title')}: {problem.get('detail')})"


def _leave(run: _Run) -> None:
    run.busy -= 1
    if run.busy == 0:
        run.idle.set()


async def _connect(run: _Run) -> None:
    loop = asyncio.get_running_loop()
    while not run.is_over():
        try:
            await loop.create_connection(lambda: _Connection(run), run.load.host, run.load.port)
        except OSError as error:
            run.outcome.errors[f"connect: {type(error).__name__}"] += 1
            await asyncio.sleep(0.05)
        else:
            return
    _leave(run)


async def run(load: Load) -> Outcome:
    """Make the load; returns when every connection has ended, or `grace` seconds after its time
    (600 s for a count).
    """
    current = _Run(load)
    current.busy = load.connections
    await asyncio.gather(*(_connect(current) for _ in range(load.connections)))
    limit = (COUNTED_SECONDS if load.seconds is None else load.seconds) + load.grace
    try:
        await asyncio.wait_for(current.idle.wait(), limit)
    except TimeoutError:
        outcome = current.outcome
        current.stopped = True
        outcome.errors["no answer in time"] += current.open_requests
    current.outcome.seconds = time.perf_counter() - current.began
    return current.outcome


def head(method: str, path: str, headers: dict[str, str], length: int | None = None) -> bytes:
    """The bytes of a request's head; `length` is the Content-Length of its body."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{k}: {v}" for k, v in headers.items()),
    ]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def to_json(outcome: Outcome) -> str:
    """For the parent process; `from_json` reads it."""
    return json.dumps({name: getattr(outcome, name) for name in outcome.__slots__})


def from_json(text: str) -> Outcome:
    fields: dict[str, Any] = json.loads(text)
    fields["statuses"] = Counter({int(status): n for status, n in fields["statuses"].items()})
    fields["errors"] = Counter(fields["errors"])
    return Outcome(**fields)


def install_uvloop() -> None:
    """Use uvloop where it is installed: the generator shall take little of the machine."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        return
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def main() -> None:
    """One process of a run: its work as JSON on stdin (benchmarks.work.Work), its Outcome as JSON
    into the file named by its argument.

    Not through a pipe: after uvloop 0.23 had run, a write to a full one was seen to lose what comes
    behind the first 64 KiB.
    """
    from benchmarks.work import Work  # noqa: PLC0415 - work imports this module

    install_uvloop()
    outcome = asyncio.run(run(Work.from_json(sys.stdin.read()).load()))
    Path(sys.argv[1]).write_text(to_json(outcome))


if __name__ == "__main__":
    main()
