"""The whole server as production runs it, in a folder of its own: PostgreSQL, the bridge, several
data-plane processes on one port. Nothing of it is a stand-in.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks import processes
from benchmarks.servers.postgres import OwnPostgres

REPOSITORY = Path(__file__).resolve().parent.parent
COUNT = """
    SELECT count(*) FILTER (WHERE kind = 'req'), count(*) FILTER (WHERE kind = 'done')
    FROM skold_audit
    WHERE plane = 'data' AND at >= %s AND (%s OR reason IS DISTINCT FROM 'recovered')
"""


@dataclass(frozen=True, slots=True)
class Records:
    """How many records of the data plane stand in PostgreSQL's copy of the audit."""

    req: int
    done: int


class Production:
    """Start it, use `url`, `api_key` and `collection`, stop it. State stays in `folder`."""

    def __init__(self, folder: Path, workers: int = 2, **environment: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.logs = folder / "logs"
        self.temporary = folder / "tmp"
        for made in (self.logs, self.temporary):
            made.mkdir(parents=True, exist_ok=True)
        self.port = processes.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.postgres = OwnPostgres(folder / "pg", {})
        self.environment = {
            "CONTENTSERVER_HOME": str(self.home),
            "CONTENTSERVER_PORT": str(self.port),
            "CONTENTSERVER_HOST": "127.0.0.1",
            "CONTENTSERVER_WORKERS": str(workers),
            "CONTENTSERVER_LOG_LEVEL": "WARNING",
            "DATABASE_URL": self.postgres.url,
            "BROKER_URL": "redis://127.0.0.1:1/0",
            "TMPDIR": str(self.temporary),
            "DJANGO_SETTINGS_MODULE": "contentserver.settings",
            **environment,
        }
        self.manage("initialise", "--demo", "-v0")
        demo = json.loads((self.home / "demo.json.new").read_bytes())
        self.api_key: str = demo["api_key"]
        self.collection: str = demo["collection"]
        self.bridge: subprocess.Popen[bytes] | None = None
        self.web: subprocess.Popen[bytes] | None = None

    def make_collection(self, name: str, erasure: str) -> None:
        """Make a collection, erasable as said (none, key), and use it from now on."""
        self.manage(
            "shell",
            "-c",
            "from contentserver.catalog.services import create_collection; "
            f"create_collection(actor='bench', name={name!r}, rules={{'erasure': {erasure!r}}})",
        )
        self.collection = name

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    def path(self, key: str) -> str:
        """The address of a file whose key needs no escapes."""
        return f"/v1/content/{self.collection}/{key}"

    def start(self, extra: Mapping[str, str] | None = None) -> "Production":
        """Bring up bridge and data plane; `extra` goes into their environment."""
        self.start_bridge(extra)
        self.start_web(extra)
        return self

    def start_bridge(self, extra: Mapping[str, str] | None = None) -> None:
        """Return at once; it begins its work in a moment."""
        self.bridge = self._start("bridge", extra, str(REPOSITORY / "manage.py"), "run_bridge")

    def start_web(self, extra: Mapping[str, str] | None = None) -> None:
        """Return when /readyz answers 200. Raises processes.DidNotStart."""
        self.web = self._start("web", extra, "-m", "contentserver.web", "--data")
        processes.wait_for_port(self.port, self.web, self.logs / "web.log")
        self.wait(self._is_ready, 60, "ready")

    def stop_web(self) -> None:
        if self.web is not None:
            processes.stop(self.web)
            self.web = None

    def stop_bridge(self) -> None:
        if self.bridge is not None:
            processes.stop(self.bridge)
            self.bridge = None

    def close(self) -> None:
        """End everything, PostgreSQL last."""
        self.stop_web()
        self.stop_bridge()
        self.postgres.stop()

    def manage(self, *arguments: str) -> str:
        """Run `manage.py`; its output. Raises RuntimeError with that when it fails."""
        done = subprocess.run(
            [sys.executable, str(REPOSITORY / "manage.py"), *arguments],
            env=self._environment({}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def run(self, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start `manage.py` beside everything else; what it says goes to the log of this name."""
        return self._start(name, None, str(REPOSITORY / "manage.py"), *arguments)

    def database_time(self) -> Any:
        """A moment that all records before it and none after it have passed."""
        with psycopg.connect(self.postgres.url) as connection:
            return (connection.execute("SELECT clock_timestamp()").fetchone() or [None])[0]

    def records(self, since: Any = "-infinity", *, recovered: bool = False) -> Records:
        """The data plane's records since a moment; those of recovery only if asked for."""
        with psycopg.connect(self.postgres.url) as connection:
            row = connection.execute(COUNT, [since, recovered]).fetchone() or (0, 0)
            return Records(*row)

    def wait_for_records(
        self, least: int, since: Any = "-infinity", seconds: float = 300
    ) -> Records:
        """Wait until `least` requests and their ends are in PostgreSQL, and no more come."""
        until = time.monotonic() + seconds
        before = None
        while True:
            found = self.records(since)
            settled = found.req >= least and found.req == found.done and found == before
            if settled or time.monotonic() > until:
                return found
            before = found
            time.sleep(0.5)

    def wait(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        """Ask `done` until it says yes. Raises processes.DidNotStart."""
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                raise processes.DidNotStart(
                    f"not {what} after {seconds:.0f} s:\n{processes.tail(self.logs / 'web.log')}"
                    f"\n{processes.tail(self.logs / 'bridge.log')}"
                )
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _start(
        self, name: str, extra: Mapping[str, str] | None, *arguments: str
    ) -> subprocess.Popen[bytes]:
        environment = self._environment(extra or {})
        return processes.start([sys.executable, *arguments], self.logs / f"{name}.log", environment)

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Ours alone: nothing of the person at the terminal leads it to another home."""
        foreign = ("CONTENTSERVER_", "SKOLD_", "DJANGO_", "DATABASE_URL", "BROKER_URL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return kept | self.environment | dict(extra)
