"""What `pip install` of this repository gives: a client that needs httpx and knows no Django."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.plane import REPOSITORY, DataPlane, clean_environment

# One worker: its tests share an environment that each worker would install into anew.
pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("client package")]

ENVIRONMENT = REPOSITORY / ".interop" / "client"
PACKAGED = ("contentserver", "skold", "migrator", "requirements", "pyproject.toml", "README.md")
NOT_THERE = """
import importlib.util, sys
import contentserver.client
wanted = [name for name in ("django", "celery", "cryptography") if importlib.util.find_spec(name)]
assert not wanted, wanted
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"django", "skold", "migrator"}))
"""
USED = """
import asyncio, sys
from contentserver.client import AsyncClient, Client
with Client.from_environment() as client:
    client.put("photos", "from/a/package", b"bytes")
async def read():
    async with AsyncClient.from_environment() as client:
        async with await client.get("photos", "from/a/package") as file:
            return await file.read()
print(asyncio.run(read()).decode())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin of an environment that has httpx and what is packaged here, nothing else."""
    source = tmp_path_factory.mktemp("source")
    for name in PACKAGED:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, source / name)
    folder, ready = ENVIRONMENT / "bin", ENVIRONMENT / "ready"
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with ENVIRONMENT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
            pip(folder, "setuptools>=77", "wheel", "httpx")
            ready.touch()
        pip(folder, "--no-deps", "--no-build-isolation", "--force-reinstall", str(source))
    return folder


def pip(folder: Path, *wanted: str) -> None:
    quiet = ("-q", "--disable-pip-version-check")
    subprocess.run([folder / "python", "-m", "pip", "install", *quiet, *wanted], check=True)


def run(installed: Path, code: str, **environment: str) -> str:
    done = subprocess.run(
        [installed / "python", "-c", code],
        cwd="/",
        env={**clean_environment(), **environment, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_client_is_imported_where_there_is_no_django(installed: Path) -> None:
    assert run(installed, NOT_THERE) == ""


def test_it_asks_for_httpx_alone(installed: Path) -> None:
    code = "from importlib.metadata import requires; print(*requires('contentserver'), sep='\\n')"
    needed = [line for line in run(installed, code).splitlines() if "extra ==" not in line]
    assert needed == ["httpx"]


def test_both_clients_of_the_package_reach_a_server(installed: Path, data_plane: DataPlane) -> None:
    known = {"CONTENTSERVER_URL": data_plane.url, "CONTENTSERVER_API_KEY": data_plane.api_key}
    assert run(installed, USED, **known) == "bytes"


def test_the_command_line_is_installed_with_it(installed: Path) -> None:
    helped = subprocess.run([installed / "contentctl", "--help"], capture_output=True, check=True)
    assert b"contentctl" in helped.stdout


def test_it_says_that_it_is_typed(installed: Path) -> None:
    code = "import contentserver.client as c, os; print(os.listdir(os.path.dirname(c.__file__)))"
    assert "'py.typed'" in run(installed, code)
