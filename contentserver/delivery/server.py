"""How the data plane is served: uvicorn with httptools and uvloop, no access log, and no patience
with dead peers.

uvicorn's access log prints query strings, and a signature is one; it stays off. uvicorn waits for
ever for a head that
never ends and for a reader that never reads; one sweep over the connections, off the way of a
request, ends both.
"""

import asyncio
from typing import ClassVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors.multiprocess import Multiprocess

SWEEP = 5.0  # seconds; a connection that has not moved for two sweeps is ended


class PatientProtocol(HttpToolsProtocol):
    """A connection that can tell whether its peer still moves."""

    alive: ClassVar[set["PatientProtocol"]] = set()
    head_pending = False
    _seen: tuple[bool, int] = (False, 0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.alive.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive.discard(self)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self.head_pending = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.head_pending = False
        super().on_headers_complete()

    def is_stuck(self) -> bool:
        """True if since the last call an unfinished head is still unfinished, or no byte left a
        waiting buffer.
        """
        now = (self.head_pending or self.cycle is None, self.transport.get_write_buffer_size())
        stuck = now == self._seen and now != (False, 0)
        self._seen = now
        return stuck


async def sweep(every: float = SWEEP) -> None:
    """Run until cancelled: abort connections that were stuck at two sweeps in a row."""
    suspects: set[PatientProtocol] = set()
    while True:
        await asyncio.sleep(every)
        stuck = {connection for connection in PatientProtocol.alive if connection.is_stuck()}
        for connection in stuck & suspects:
            connection.transport.abort()
        suspects = stuck - suspects


def serve(
    application: str, *, host: str, port: int, workers: int = 1, proxies: str | None = None
) -> None:
    """Serve `module:attribute` until SIGTERM or SIGINT; requests under way are finished within 30
    seconds.

    SIGHUP replaces several workers one by one. `proxies` names the addresses whose X-Forwarded-For
    is believed
    (comma-separated), none by default.
    """
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        http=PatientProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        workers=workers,
        backlog=4096,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
        proxy_headers=proxies is not None,
        forwarded_allow_ips=proxies,
    )
    if workers == 1:
        uvicorn.Server(config).run()
    else:
        Multiprocess(config, sockets=[config.bind_socket()]).run()
