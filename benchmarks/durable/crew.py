"""Processes that begin together and each say one line of JSON when they are done."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


class CrewFailed(Exception):
    """One of them ended without its figures."""


class Crew:
    """Started at once, each waiting for `begin`. `ask`: a line for each, before it is ready."""

    def __init__(self, commands: Sequence[Sequence[str]], ask: Sequence[str] | None = None) -> None:
        """Raises CrewFailed."""
        self._all = [
            subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
            )
            for command in commands
        ]
        for process, line in zip(self._all, ask or (), strict=False):
            self._say(process, line)
        for process in self._all:
            if self._hear(process) != "ready\n":
                self.close()
                raise CrewFailed(f"{process.args} did not become ready")

    def begin(self) -> None:
        for process in self._all:
            self._say(process, "")

    def end(self) -> None:
        """For those that work until nobody talks to them any more."""
        for process in self._all:
            if process.stdin is not None:
                process.stdin.close()

    def results(self) -> list[Any]:
        """What each has to say, when all are done. Raises CrewFailed."""
        try:
            lines = [self._hear(process) for process in self._all]
            if not all(lines):
                raise CrewFailed("a process ended without its figures")
            return [json.loads(line) for line in lines]
        finally:
            self.close()

    def close(self) -> None:
        for process in self._all:
            with contextlib.suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()

    @staticmethod
    def _say(process: "subprocess.Popen[str]", line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()

    @staticmethod
    def _hear(process: "subprocess.Popen[str]") -> str:
        assert process.stdout is not None
        return process.stdout.readline()
