"""Valkey from a wheel: the broker. It keeps its queue in an append-only file, so that kill -9 loses
no task.
"""

import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from contentserver.embedded.account import Account
from contentserver.embedded.binaries import valkey_program
from contentserver.embedded.processes import Child, Command, Guardian, wait_until

START_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Valkey:
    """Where one server's data, socket and log lie."""

    account: Account
    data: Path
    sockets: Path
    log: Path

    @property
    def url(self) -> str:
        return f"redis+socket://{quote(str(self._socket))}"

    @property
    def _socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def start(self, guardian: Guardian) -> Child:
        """Run it and return when it answers. Raises CannotRun."""
        self.account.make_shared(self.sockets)
        self.account.make_private(self.data)
        command = Command(
            name="valkey",
            arguments=(*self.account.prefix, str(self._program()), *self._options()),
            cwd=Path("/"),
            environment={"LC_ALL": "C"},
        )
        child = Child(command, self.log, guardian)
        wait_until(self._answers, child, START_TIMEOUT)
        return child

    def _options(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "770",
            "dir": str(self.data),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [part for name, value in settings.items() for part in (f"--{name}", value)]

    def _program(self) -> Path:
        program = valkey_program()
        copied = self.account.copied
        if copied is None:
            return program
        copied.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy2(program, copied / program.name))

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2.0)
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
