"""`manage.py runserver`: both planes, begun again when the code changes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from contentserver.embedded.guardian import iter_descendants
from tests.support.house import wait_for_end
from tests.support.plane import REPOSITORY, Home
from tests.support.servers import TestPostgres

pytestmark = pytest.mark.xdist_group("house")


@pytest.fixture
def runserver(tmp_path: Path, own_postgres: TestPostgres):
    """Start it with these options. Gives its address and the process."""
    home = Home(tmp_path / "home", DATABASE_URL=own_postgres.url)
    log = (tmp_path / "log").open("wb")
    running: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> tuple[str, subprocess.Popen[bytes]]:
        port = str(home.config.port)
        arguments = [sys.executable, "manage.py", "runserver", port, *options]
        environment = {
            name: v for name, v in home.environment.items() if name != "CONTENTSERVER_PORT"
        }
        running.append(
            subprocess.Popen(arguments, cwd=REPOSITORY, env=environment, stdout=log, stderr=log)
        )
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: status(url, "/readyz") == 200, (tmp_path / "log").read_text)
        return url, running[0]

    yield start
    for process in running:
        family = {process.pid, *iter_descendants(process.pid)}
        process.send_signal(signal.SIGINT)
        process.wait(120)
        assert wait_for_end(family, timeout=60) == set()
    log.close()


def status(url: str, path: str) -> int:
    try:
        return httpx.get(url + path, timeout=20).status_code
    except httpx.TransportError:
        return 0


def wait_for(true: Callable[[], bool], explain: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)


def test_it_serves_both_planes_under_the_port_that_was_asked_for(runserver, tmp_path: Path):
    url, _process = runserver("--noreload")
    assert status(url, "/healthz") == 200
    assert status(url, "/metrics") == 200
    assert status(url, "/api/v1/schema/") == 200
    assert httpx.get(f"{url}/v1/content/photos/absent").status_code == 401


def test_it_begins_again_when_the_code_changes(runserver):
    url, process = runserver()
    (before,) = iter_descendants(process.pid)

    def changed() -> bool:
        # The reloader may first look at its files after the server is ready: then it misses what
        # was changed before.
        os.utime(REPOSITORY / "contentserver" / "urls.py")
        return wait_for_end({before}, timeout=0) == set()

    wait_for(changed)
    wait_for(lambda: status(url, "/readyz") == 200)
    assert status(url, "/healthz") == 200
