"""Processes of a test that may be stalled and killed at any moment."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.plane import REPOSITORY


class Running:
    """`python ARGUMENTS...`, as often as it is started. Its output is in `log`. Signals are for all
    that it started.
    """

    def __init__(
        self, name: str, log: Path, environment: Mapping[str, str], *arguments: str
    ) -> None:
        self.name, self.log = name, log
        self.environment, self.arguments = dict(environment), arguments
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, given: str | None = None) -> None:
        """`given`: what it reads on stdin."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.arguments], cwd=REPOSITORY, env=self.environment,
                stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        if self.process.stdin is not None:
            with self.process.stdin as pipe:
                pipe.write((given or "").encode())

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stall(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def wait(self, seconds: float) -> int:
        """Its status. Raises AssertionError with its log when it takes longer."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end:\n{self.read_log()}") from None

    def read_log(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-6000:]

    def _signal(self, how: signal.Signals) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, how)
