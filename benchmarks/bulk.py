"""One large file up and down: the same plain sender and receiver for every server."""

import os
import socket
import time
from collections.abc import Mapping

from benchmarks import loader
from benchmarks.corpus import MIB

PATIENCE = 300.0


class Refused(Exception):
    """The server did not take or give the file as it should; the message is its answer."""


def up(port: int, path: str, headers: Mapping[str, str], size: int) -> float:
    """PUT `size` bytes; the seconds until the answer. Raises Refused."""
    block = memoryview(os.urandom(MIB))
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        began = time.perf_counter()
        connection.sendall(loader.head("PUT", path, dict(headers), size))
        left = size
        while left:
            connection.sendall(block[: min(left, MIB)])
            left -= min(left, MIB)
        status, _, _ = _read_head(connection)
        if status not in (200, 201, 204):
            raise Refused(f"PUT {path}: {status}")
        return time.perf_counter() - began


def down(port: int, path: str, headers: Mapping[str, str], size: int) -> float:
    """GET the file and count its bytes; the seconds until the last. Raises Refused."""
    buffer = bytearray(MIB)
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        began = time.perf_counter()
        connection.sendall(loader.head("GET", path, dict(headers)))
        status, length, begun = _read_head(connection)
        got = begun
        while got < length:
            read = connection.recv_into(buffer)
            if read == 0:
                break
            got += read
        if status != 200 or length != size or got != size:
            raise Refused(f"GET {path}: {status}, {got} of {length} bytes, expected {size}")
        return time.perf_counter() - began


def _read_head(connection: socket.socket) -> tuple[int, int, int]:
    """Status, Content-Length, and how many bytes of the body came with the head."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            raise Refused(f"the connection ended after {received[:200]!r}")
        received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    return status, int(fields.get(b"content-length", b"0")), len(rest)
