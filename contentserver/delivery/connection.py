"""One connection: uvicorn's, with a shorter way out and no patience with dead peers.

uvicorn sends head and body apart, looks at each header with two regular expressions, and arms and
disarms a timer for each answer; for a photo that is a sixth of all the work (measured). Here head
and body leave in one write, and one sweep over all connections replaces the timers. uvicorn also
waits for ever for a head that never ends and for a reader that never reads; the sweep ends both.
"""

import asyncio
import functools
import time
from typing import Any, ClassVar
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from contentserver.planes import PEER
from contentserver.protocol.dates import format_http_date

SWEEP = 5.0  # seconds; a connection that has not moved for two sweeps is ended
IDLE_SWEEPS = 15  # sweeps without a request, after which a kept-alive connection is closed
HEAD_LIMIT = 64 * 1024  # bytes of request line and headers


class HeaderInvalid(RuntimeError):
    """An application's header would break the answer apart: a defect of ours, never sent."""


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    _head: bytes | None = None

    async def send(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self.response_started = True
            self.waiting_for_100_continue = False
            self._head = self._head_of(message["status"], message.get("headers", []))
        elif not self.response_complete:
            self._send_body(message.get("body", b""), more=message.get("more_body", False))

    def _head_of(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        # Not uvicorn's Date: it is up to a second old, and Last-Modified must not be later
        # (RFC 9110 section 8.8.2.1).
        lines = [STATUS_LINE[status], date_line(int(time.time()))]
        lengthless = status >= 200 and status not in {204, 304} and self.scope["method"] != "HEAD"
        for name, value in headers:
            lowered = name.lower()
            if lowered == b"content-length":
                self.expected_content_length = int(value)
                lengthless = False
            elif lowered == b"connection" and value.lower() == b"close":
                self.keep_alive = False
                continue
            lines.append(b"%b: %b\r\n" % (lowered, value))
        self.chunked_encoding = lengthless
        if lengthless:
            lines.append(b"transfer-encoding: chunked\r\n")
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
            raise HeaderInvalid("a header holds a line break or a zero byte")
        return head + b"\r\n"

    def _send_body(self, body: bytes, *, more: bool) -> None:
        pieces = [] if self._head is None else [self._head]
        self._head = None
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
        elif self.chunked_encoding:
            if body:
                pieces += (b"%x\r\n" % len(body), body, b"\r\n")
            if not more:
                pieces.append(b"0\r\n\r\n")
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the body is longer than its Content-Length")
            pieces.append(body)
        self.transport.writelines(pieces)
        if not more:
            self._complete()

    def _complete(self) -> None:
        if self.expected_content_length != 0 and not self.chunked_encoding:
            raise RuntimeError("the body is shorter than its Content-Length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


class Connection(HttpToolsProtocol):
    """A connection that can tell whether its peer still moves."""

    alive: ClassVar[set["Connection"]] = set()
    stopping: ClassVar[bool] = False  # the server takes no more and waits for what is under way
    _head_pending = False
    _head_size = 0
    _seen: tuple[bool, int] = (False, 0)
    _idle_sweeps = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.alive.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive.discard(self)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        Connection.stopping = True
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self._head_pending:
            self._head_size += len(data)
            if self._head_size > HEAD_LIMIT:
                self.send_400_response("The head of the request is too long.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._head_pending, self._head_size, self._idle_sweeps = True, 0, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_pending = False
        version = self.parser.get_http_version()
        url = httptools.parse_url(self.url)
        scope = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["raw_path"] = url.path
        scope["path"] = _decoded(url.path)
        scope["query_string"] = url.query or b""
        # Before uvicorn believes X-Forwarded-For of a proxy and writes another address into scope.
        scope[PEER] = self.client[0] if self.client else None  # type: ignore[literal-required]
        before, self.cycle = self.cycle, Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )  # fmt: skip
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def is_stuck(self) -> bool:
        """True if since the last call an unfinished head is still unfinished, or no byte left a
        waiting buffer.
        """
        now = (self._head_pending or self.cycle is None, self.transport.get_write_buffer_size())
        stuck = now == self._seen and now != (False, 0)
        self._seen = now
        return stuck

    def is_idle(self) -> bool:
        """True after IDLE_SWEEPS calls without a request in between."""
        self._idle_sweeps += 1
        answered = self.cycle is not None and self.cycle.response_complete
        return answered and self._idle_sweeps > IDLE_SWEEPS


@functools.lru_cache(maxsize=2)
def date_line(second: int) -> bytes:
    """The field `Date` with its line end; it is written once a second, not for each answer."""
    return b"date: %b\r\n" % format_http_date(second).encode()


async def sweep(every: float = SWEEP) -> None:
    """Run until cancelled: end connections that were stuck at two sweeps in a row, or idle long."""
    suspects: set[Connection] = set()
    while True:
        await asyncio.sleep(every)
        stuck = {connection for connection in Connection.alive if connection.is_stuck()}
        for connection in stuck & suspects:
            connection.transport.abort()
        suspects = stuck - suspects
        for connection in [each for each in Connection.alive if each.is_idle()]:
            connection.transport.close()


def _decoded(raw_path: bytes) -> str:
    path = raw_path.decode("latin-1")
    return unquote(path) if "%" in path else path
