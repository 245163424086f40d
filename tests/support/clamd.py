"""clamd: a real one that knows one virus, and a scripted one for what goes wrong."""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The test file of eicar.org, which every scanner takes for a virus; in two halves, so that none
takes this source for one."""

CLAMD = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/sbin")

CONFIGURATION = """
DatabaseDirectory {folder}/signatures
LocalSocket {folder}/clamd
TemporaryDirectory {folder}
Foreground yes
StreamMaxLength {limit}
MaxThreads 4
ConcurrentDatabaseReload no
"""


@contextmanager
def real_clamd(limit: int = 1 << 20) -> Iterator[str]:
    """The socket of a clamd that knows EICAR alone, and takes streams of `limit` bytes."""
    assert CLAMD is not None
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        (folder / "signatures").mkdir()
        # One line of an extended signature: name, any type of file, at any place, these bytes.
        line = f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n"
        (folder / "signatures" / "eicar.ndb").write_text(line)
        (folder / "clamd.conf").write_text(CONFIGURATION.format(folder=folder, limit=limit))
        log = (folder / "log").open("wb")
        process = subprocess.Popen(
            [CLAMD, "--config-file", str(folder / "clamd.conf")], stdout=log, stderr=log
        )
        try:
            _wait_for(folder / "clamd", process, folder / "log")
            yield str(folder / "clamd")
        finally:
            process.kill()
            process.wait()
            log.close()


def _wait_for(path: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            else:
                return


Script = Callable[[socket.socket], None]


@contextmanager
def scripted_clamd(script: Script) -> Iterator[str]:
    """`host:port` of one who does what the script says with each connection."""
    server = socket.create_server(("127.0.0.1", 0))
    ending = threading.Event()

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                if not ending.is_set():
                    script(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        ending.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def read_stream(connection: socket.socket) -> bytes:
    """What an INSTREAM brings, read as clamd reads it."""
    reader = connection.makefile("rb")
    assert reader.read(10) == b"zINSTREAM\0"
    pieces = []
    while length := int.from_bytes(reader.read(4), "big"):
        pieces.append(reader.read(length))
    return b"".join(pieces)


def answering(answer: bytes) -> Script:
    """Takes the whole stream, then says this."""

    def script(connection: socket.socket) -> None:
        read_stream(connection)
        connection.sendall(answer)

    return script
