"""Asks ClamAV for viruses: each file goes to clamd over a socket, before its commit.

clamd's command INSTREAM (clamd(8)): `zINSTREAM` NUL, then pieces of BE32 length and bytes, then a
length of zero; the answer ends in NUL:

    stream: OK                               passed
    stream: <name of the virus> FOUND        refused
    INSTREAM size limit exceeded. ERROR      refused: clamd takes no more than StreamMaxLength
    stream: Heuristics.Limits.Exceeded….     refused: it would not have looked at all of it
    anything else, silence, no connection    nobody can tell, so nothing is stored (503)
"""

import logging
import socket
from collections.abc import Iterable

from contentserver.conf import Config
from contentserver.store.errors import CheckUnavailable, Refused
from contentserver.store.metadata import Metadata

log = logging.getLogger(__name__)

CONNECT = 5.0
"""Seconds for a connection."""

PATIENCE = 60.0
"""Seconds in which clamd must take the next piece, and in which it must answer at the end."""

PIECE = 1 << 16
BEYOND = "stream: Heuristics.Limits.Exceeded"
ANSWER = 1 << 12
"""Bytes of an answer at most; a longer one is none."""


class ClamAV:
    """One connection for each file, so that clamd may be started again at any time."""

    def __init__(
        self, config: Config, *, connect: float = CONNECT, patience: float = PATIENCE
    ) -> None:
        """Raises ValueError if CONTENTSERVER_CLAMD does not say where clamd listens."""
        self._address = parse_address(config.clamd)
        self._connect = connect
        self._patience = patience

    def __call__(self, _metadata: Metadata, data: Iterable[bytes]) -> None:
        """Raises Refused naming the virus, and CheckUnavailable."""
        try:
            with self._opened() as connection:
                answer = self._ask(connection, data)
        except OSError as error:
            raise CheckUnavailable(f"clamd cannot be asked: {error}") from error
        _judge(answer)

    def _opened(self) -> socket.socket:
        if isinstance(self._address, tuple):
            connection = socket.create_connection(self._address, self._connect)
        else:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(self._connect)
            try:
                connection.connect(self._address)
            except BaseException:
                connection.close()
                raise
        connection.settimeout(self._patience)
        return connection

    def _ask(self, connection: socket.socket, data: Iterable[bytes]) -> str:
        try:
            _send(connection, data)
        except (BrokenPipeError, ConnectionResetError):
            # clamd hangs up on a stream that is too long, and says so before it does.
            return _receive(connection)
        return _receive(connection)


def parse_address(text: str) -> str | tuple[str, int]:
    """Where clamd listens: the path of a socket, or host and port of `host:port`, `[::1]:3310`.

    Raises ValueError that names the setting.
    """
    if text.startswith("/"):
        return text
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(
            "CONTENTSERVER_CLAMD must say where clamd listens: a socket's path or host:port, "
            f"not {text!r}"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _send(connection: socket.socket, data: Iterable[bytes]) -> None:
    connection.sendall(b"zINSTREAM\0")
    for piece in data:
        for at in range(0, len(piece), PIECE):
            part = piece[at : at + PIECE]
            connection.sendall(len(part).to_bytes(4, "big") + part)
    connection.sendall(bytes(4))


def _receive(connection: socket.socket) -> str:
    """The answer without its NUL; empty if there is none. Raises OSError, TimeoutError."""
    answer = b""
    while b"\0" not in answer and len(answer) < ANSWER:
        piece = connection.recv(ANSWER)
        if not piece:
            return ""
        answer += piece
    return answer.partition(b"\0")[0].decode("utf-8", "replace")


def _judge(answer: str) -> None:
    if answer == "stream: OK":
        return
    if "size limit exceeded" in answer or answer.startswith(BEYOND):
        log.warning("a file is beyond the limits of clamd.conf: %s", answer)
        raise Refused(
            "the file is longer than the virus scanner of this server takes; "
            "ask its operator to raise the scanner's limit"
        )
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        virus = answer.removeprefix("stream: ").removesuffix(" FOUND")
        raise Refused(f"ClamAV found {virus}")
    raise CheckUnavailable(f"clamd does not say whether the file is clean: {answer[:200]!r}")
