"""Children of the supervisor: each in a process group of its own, with a log, known to the
guardian.

Spawn from the main thread only: the parent-death signal follows the thread that spawned.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from contentserver.embedded import guardian
from contentserver.embedded.errors import CannotRun

LOG_LIMIT = 16 * 1024 * 1024
TAIL = 20


class Guardian:
    """Our end of the pipe to contentserver.embedded.guardian. `lock` is a descriptor that it keeps
    open.
    """

    def __init__(self, lock: int) -> None:
        reading, self._pipe = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, str(reading)],
            pass_fds=(reading, lock),
            stdin=subprocess.DEVNULL,
            # A pipe that somebody reads to its end must not wait for the guardian's.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(reading)

    def adopt(self, group: int, how: int) -> None:
        """End this process group, asking with signal `how`, should the supervisor end first."""
        self._tell(f"+ {group} {how}")

    def forget(self, group: int) -> None:
        """The group has ended; its number may come to belong to somebody else."""
        self._tell(f"- {group}")

    def remove_at_end(self, path: Path) -> None:
        self._tell(f"x {path}")

    def close(self) -> None:
        """Let the guardian do its work, and wait until it has."""
        os.close(self._pipe)
        self._process.wait()

    def _tell(self, line: str) -> None:
        # A line is shorter than PIPE_BUF, so it is written whole or not at all.
        os.write(self._pipe, f"{line}\n".encode())


@dataclass(frozen=True, slots=True)
class Command:
    """How to start a child, and how to stop it: first signal, and seconds before it is killed."""

    name: str
    arguments: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 15.0


class Child:
    """One running child. Its output goes to a log file."""

    def __init__(self, command: Command, log: Path, watch: Guardian) -> None:
        self.command = command
        self.log = log
        self._guardian = watch
        with _open_log(log) as output:
            self._process = subprocess.Popen(
                command.arguments,
                cwd=command.cwd,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        watch.adopt(self._process.pid, command.stop_signal)

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout: float) -> int:
        """Its exit status. Raises CannotRun with the end of its log when it takes too long."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self.failed(f"did not finish within {timeout:.0f} s") from None

    def ask_to_stop(self) -> None:
        if self.is_running():
            os.killpg(self.pid, self.command.stop_signal)

    def stop(self, patience: float | None = None) -> None:
        """Stop it and everything it started, by force if it does not in time."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(self.command.patience if patience is None else patience)
        guardian.kill(self.pid)
        self._process.wait()
        self._guardian.forget(self.pid)

    def kill(self) -> None:
        """Without asking. `stop` still has to be called."""
        if self.is_running():
            guardian.kill(self.pid)

    def failed(self, what: str) -> CannotRun:
        """An error that says what happened and ends with the last lines of the log."""
        return CannotRun(f"{self.name} {what}. The end of {self.log}:\n{tail(self.log)}")

    def check(self) -> None:
        """Raises CannotRun if it has ended by itself."""
        if not self.is_running():
            raise self.failed(f"ended by itself with status {self._process.returncode}")


def wait_until(ready: Callable[[], bool], child: Child, timeout: float) -> None:
    """Ask `ready` twenty times a second. Raises CannotRun when child or time ends first."""
    deadline = time.monotonic() + timeout
    while not ready():
        child.check()
        if time.monotonic() > deadline:
            raise child.failed(f"was not ready within {timeout:.0f} s")
        time.sleep(0.05)


def tail(path: Path, lines: int = TAIL) -> str:
    """The last lines of a log, or "(empty)"."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    return "\n".join(text.splitlines()[-lines:]) or "(empty)"


def _open_log(path: Path) -> BinaryIO:
    """Append to the log; one that has grown past LOG_LIMIT is set aside first, one generation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
