"""What Python alone can do on this machine: bare loops that do the work without a server around it.

`python -m benchmarks.bare PORT FOLDER` takes one file after the other from a socket: two hashes,
encryption, write, fsync; and sends one: read, decrypt, send. One thread, no protocol beyond a head.
"""

import hashlib
import os
import socket
import sys
import threading
import time
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEGMENT = 131_072
TAG = 16
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def serve(port: int, folder: Path) -> None:
    """Answer PUT and GET of one file, one connection after the other, until killed."""
    cipher = AESGCM(bytes(32))
    path = folder / "bare.bin"
    with socket.create_server(("127.0.0.1", port)) as listening:
        while True:
            connection, _ = listening.accept()
            with connection:
                head = _read_head(connection)
                if head.startswith(b"PUT"):
                    size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                    take(connection, path, cipher, size)
                elif head:
                    give(connection, path, cipher)


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def take(connection: socket.socket, path: Path, cipher: AESGCM, size: int) -> None:
    """Receive `size` bytes: SHA-256 of the plaintext and of the body, AES-256-GCM, write, fsync."""
    plain, body = hashlib.sha256(), hashlib.sha256()
    buffer = memoryview(bytearray(SEGMENT))
    left, number = size, 0
    with path.open("wb", buffering=0) as file:
        while left:
            wanted = min(left, SEGMENT)
            _fill(connection, buffer[:wanted])
            plain.update(buffer[:wanted])
            sealed = cipher.encrypt(number.to_bytes(12, "big"), buffer[:wanted], None)
            body.update(sealed)
            file.write(sealed)
            left -= wanted
            number += 1
        os.fsync(file.fileno())
    connection.sendall(ANSWER)


def _fill(connection: socket.socket, buffer: memoryview) -> None:
    got = 0
    while got < len(buffer):
        read = connection.recv_into(buffer[got:])
        if read == 0:
            raise ConnectionError("the sender ended before its body")
        got += read


def give(connection: socket.socket, path: Path, cipher: AESGCM) -> None:
    """Read, decrypt, send what `take` stored."""
    sealed = path.stat().st_size
    size = sealed - TAG * -(-sealed // (SEGMENT + TAG))
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    number = 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(SEGMENT + TAG):
            connection.sendall(cipher.decrypt(number.to_bytes(12, "big"), piece, None))
            number += 1


def store_with_flushes(
    folder: Path, size: int, flushes: float, threads: int, seconds: float
) -> float:
    """Files a second that `threads` threads write, each file with so many flushes: of the file
    first, then of its folder. `flushes` is a mean and need not be whole.
    """
    data = os.urandom(size)
    until = time.perf_counter() + seconds
    stored = [0] * threads

    def work(thread: int) -> None:
        own = folder / f"bare-{thread}"
        own.mkdir(parents=True)
        directory = os.open(own, os.O_RDONLY)
        owed = 0.0
        while time.perf_counter() < until:
            owed += flushes
            with (own / f"{stored[thread]}").open("wb", buffering=0) as file:
                file.write(data)
                if owed >= 1:
                    os.fsync(file.fileno())
                    owed -= 1
            while owed >= 1:
                os.fsync(directory)
                owed -= 1
            stored[thread] += 1
        os.close(directory)

    began = time.perf_counter()
    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(stored) / (time.perf_counter() - began)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
