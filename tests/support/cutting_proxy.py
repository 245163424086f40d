"""A line of TCP between a client and a server of the loopback interface, that a test cuts or slows.

Bytes pass as they are; nothing of HTTP is understood, so that nothing is mended on the way either.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Self

_CHUNK = 64 * 1024
_BUFFER = 256 * 1024  # what the line itself may hold; a system's own choice would be megabytes
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST, as a router that lost its state


class CuttingProxy:
    """Listens on a port of its own and passes everything on to `target`, a port that may be closed
    for a while: then whoever connects is cut off at once.

    `sent` counts the bytes that went from clients to the server. `rate`, bytes a second, slows each
    connection in that direction; None is as fast as it goes. Both may be read or set at any time.
    """

    def __init__(self, target: int, *, rate: int | None = None, port: int = 0) -> None:
        self.target = target
        self.rate = rate
        self.sent = 0
        self.cuts = 0
        self._marks: list[tuple[int, Callable[[], None]]] = []
        self._unwanted: dict[bytes, Callable[[], None] | None] = {}
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._start(self._accept)

    def after(self, sent: int, action: Callable[[], None]) -> None:
        """Call `action` once, when `sent` bytes in all have gone to the server.

        It runs in the thread that carries the connection, which waits for it; others go on.
        """
        with self._lock:
            self._marks.append((sent, action))
            self._marks.sort(key=lambda mark: mark[0])

    def swallow(self, answer: bytes, action: Callable[[], None] | None = None) -> None:
        """Lose the next answer in which these bytes stand (letters of any case), call `action`, and
        cut its line: the server has done its work, and nobody is told.
        """
        with self._lock:
            self._unwanted[answer.lower()] = action

    def cut(self) -> None:
        """Reset every connection there is. New ones are taken as ever."""
        with self._lock:
            doomed, self._open = self._open, set()
            self.cuts += 1
        for each in doomed:
            _reset(each)

    def close(self) -> None:
        """Cut everything and take no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._start(self._serve, self._listener.accept()[0])

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5.0)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        with self._lock:
            self._open |= {client, server}
        self._start(self._answer, server, client)
        if self._carry(client, server, self._count):
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_WR)
        else:
            self._end(client, server, _reset)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        whole = self._carry(server, client, self._may_answer)
        self._end(client, server, _close if whole else _reset)

    def _carry(
        self, source: socket.socket, target: socket.socket, passes: Callable[[bytes], bool]
    ) -> bool:
        """Whether it came to an orderly end."""
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if not passes(data):
                    return False
                target.sendall(data)
            return True
        return False

    def _end(
        self, client: socket.socket, server: socket.socket, end: Callable[[socket.socket], None]
    ) -> None:
        with self._lock:
            self._open -= {client, server}
        for each in (client, server):
            end(each)

    def _count(self, data: bytes) -> bool:
        if self.rate:
            time.sleep(len(data) / self.rate)
        with self._lock:
            self.sent += len(data)
            due = [action for mark, action in self._marks if mark <= self.sent]
            self._marks = self._marks[len(due) :]
        for action in due:
            action()
        return True

    def _may_answer(self, data: bytes) -> bool:
        lower = data.lower()
        with self._lock:
            found = next((text for text in self._unwanted if text in lower), None)
            if found is None:
                return True
            action = self._unwanted.pop(found)
            self.cuts += 1
        if action:
            action()
        return False

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    _close(end)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in recv
    end.close()
