"""`contentctl` against a running data plane."""

import base64
import io
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from contentserver.client.cli import main
from tests.support.plane import REPOSITORY, DataPlane, clean_environment
from tests.support.url_keys import add_url_key

_numbers = itertools.count()
COMMAND = (sys.executable, "-m", "contentserver.client.cli")


class Ran(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Contentctl:
    """Runs commands in this process; `environment` is all they see of their settings."""

    def __init__(
        self, url: str, api_key: str, home: Path,
        patch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        self.environment = {
            "CONTENTSERVER_URL": url,
            "CONTENTSERVER_API_KEY": api_key,
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CONFIG_HOME": str(home / "config"),
        }
        self._patch, self._capfd = patch, capfd

    def __call__(self, *arguments: str | os.PathLike[str], stdin: bytes = b"") -> Ran:
        for name in [name for name in os.environ if name.startswith("CONTENTSERVER_")]:
            self._patch.delenv(name)
        for name, value in self.environment.items():
            self._patch.setenv(name, value)
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self._capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        return Ran(status, *self._capfd.readouterr())

    def start(self, *arguments: str | os.PathLike[str]) -> "subprocess.Popen[str]":
        """The same in a process of its own, to be killed."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=REPOSITORY, env={**clean_environment(), **self.environment}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip


@pytest.fixture
def contentctl(
    shared_data_plane: DataPlane, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> Contentctl:  # fmt: skip
    plane = shared_data_plane
    return Contentctl(plane.url, plane.api_key, tmp_path, monkeypatch, capfd)


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A prefix in photos that no other test of the module uses."""
    return f"{request.node.originalname}-{next(_numbers)}/"


@pytest.fixture
def started() -> Iterator[Callable[["subprocess.Popen[str]"], "subprocess.Popen[str]"]]:
    """Whatever is given to it is gone when the test ends."""
    processes: list[subprocess.Popen[str]] = []

    def keep(process: "subprocess.Popen[str]") -> "subprocess.Popen[str]":
        processes.append(process)
        return process

    yield keep
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def signing(shared_data_plane: DataPlane) -> dict[str, str]:
    """The environment of a client that may sign."""
    secret = add_url_key(shared_data_plane, "tester", "k1")
    shared_data_plane.obey()
    encoded = base64.b64encode(secret).decode()
    return {"CONTENTSERVER_URL_KEY_ID": "k1", "CONTENTSERVER_URL_KEY": encoded}
