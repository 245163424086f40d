"""A bridge in a process of its own, between a home and the run's PostgreSQL."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from django.db import connection

from contentserver import runtime
from tests.support.plane import REPOSITORY, Home


def database_url() -> str:
    """The address of the database that the test itself works in."""
    facts = connection.settings_dict
    return f"postgresql://contentserver@/{facts['NAME']}?host={facts['HOST']}"


class RunningBridge:
    """`manage.py run_bridge`; start it as often as you like."""

    def __init__(self, home: Home, database_url: str) -> None:
        self.home = home
        self.environment = {
            **home.environment,
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "contentserver.settings",
        }
        self.log = home.folder / "bridge.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RunningBridge":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run_bridge"],
                cwd=REPOSITORY,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def stop(self) -> float:
        """SIGTERM; how many seconds it took to end, cleanly."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.read_log()
        return time.monotonic() - began

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def status(self) -> dict[str, Any]:
        """What the status file says; {} before there is one."""
        try:
            document: dict[str, Any] = json.loads(
                runtime.bridge_status(self.home.config).read_text()
            )
        except (OSError, ValueError):
            return {}
        return document

    def read_log(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Raises AssertionError with the bridge's log when it does not come true in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.read_log()[-6000:]
            time.sleep(0.05)
