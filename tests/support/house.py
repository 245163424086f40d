"""The whole house as `make run` starts it, in a home of a test's own."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from contentserver.embedded.guardian import iter_descendants
from tests.support.migrated import prepare_folder
from tests.support.plane import REPOSITORY, clean_environment, free_port

COMMAND = (sys.executable, "-m", "contentserver.embedded")


class House:
    """A supervisor and all it started. `output` is what it printed so far."""

    def __init__(self, home: Path, *prefix: str, **environment: str) -> None:
        self.home = home
        self.port = int(environment.setdefault("CONTENTSERVER_PORT", str(free_port())))
        self.environment = {**clean_environment(), "CONTENTSERVER_HOME": str(home), **environment}
        home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = home.with_name(f"{home.name}.{self.port}.out")
        self._prefix = prefix
        self.process: subprocess.Popen[bytes]

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def demo(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.home / "demo.json").read_bytes())
        return found

    @property
    def servers(self) -> dict[str, Any]:
        """What the supervisor wrote for commands in other terminals: addresses and pids."""
        found: dict[str, Any] = json.loads((self.home / "run" / "servers.json").read_bytes())
        return found

    def with_tables(self) -> "House":
        """Give it a PostgreSQL with all tables, for tests of what comes after the first start."""
        prepare_folder(self.home)
        return self

    def launch(self) -> "House":
        """Start the supervisor and return at once."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self._prefix, *COMMAND],
                cwd=REPOSITORY,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def start(self, timeout: float = 120.0) -> "House":
        """Start it and return when it has said that it is ready."""
        self.launch()
        deadline = time.monotonic() + timeout
        while not re.search(r"^ready http", self.output, re.MULTILINE):
            assert self.process.poll() is None, f"it ended:\n{self.output}"
            assert time.monotonic() < deadline, f"it is not ready:\n{self.output}"
            time.sleep(0.05)
        return self

    def run(self, timeout: float = 120.0) -> int:
        """Start it and wait for its end. Returns the exit status."""
        return self.launch().process.wait(timeout)

    def everything(self) -> set[int]:
        """The pids of the supervisor and of all it started, guardian included."""
        return {self.process.pid, *iter_descendants(self.process.pid)}

    def end(self, how: signal.Signals) -> int:
        """Send the supervisor a signal and wait for its end. Returns the exit status."""
        self.process.send_signal(how)
        return self.process.wait(60.0)

    def client(self, **options: Any) -> httpx.Client:
        """A client with the demo's API key."""
        headers = {"Authorization": f"Bearer {self.demo['api_key']}"}
        return httpx.Client(base_url=self.demo["url"], headers=headers, timeout=30.0, **options)

    def close(self) -> None:
        """Leave nothing, whatever the test did."""
        with contextlib.suppress(AttributeError, ProcessLookupError):
            left = self.everything()
            for pid in left:
                os.kill(pid, signal.SIGCONT)
            if self.process.poll() is None:
                self.end(signal.SIGTERM)
            wait_for_end(left, timeout=30.0)


def wait_for_end(pids: set[int], timeout: float) -> set[int]:
    """Wait until these processes are gone. Returns those that are still there at the end."""
    deadline = time.monotonic() + timeout
    left = set(_iter_living(pids))
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = set(_iter_living(left))
    return left


def _iter_living(pids: set[int]) -> Iterator[int]:
    for pid in pids:
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{pid}/stat").read_bytes()
            # A zombie has ended; whoever inherits it will fetch its status.
            if status.rpartition(b")")[2].split()[0] not in {b"Z", b"X"}:
                yield pid


def run_curl(line: str) -> httpx.Response:
    """Do what a printed curl line says, where no curl need be installed."""
    words = shlex.split(line)
    assert words[0] == "curl"
    method, content, headers, address = "GET", None, {}, ""
    options = iter(words[1:])
    for word in options:
        if word == "-X":
            method = next(options)
        elif word == "-H":
            name, _, value = next(options).partition(": ")
            headers[name] = value
        elif word == "--data-binary":
            content = next(options)
        elif not word.startswith("-"):
            address = word
    return httpx.request(method, address, headers=headers, content=content, timeout=30.0)
