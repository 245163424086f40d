"""Where a legacy database is and with what password. Never part of a description or a policy."""

import os
import re
import stat
from pathlib import Path
from typing import Literal

Purpose = Literal["read", "capture", "writeback"]

_VARIABLES = {"read": "_DSN", "capture": "_CAPTURE_DSN", "writeback": "_WRITEBACK_DSN"}
_FILES = {"read": ".dsn", "capture": ".capture.dsn", "writeback": ".writeback.dsn"}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class AddressMissing(Exception):
    """No address of this source's legacy database; the text names both ways to give one."""


class AddressOpen(Exception):
    """A file with an address that others may read; the text says what to do."""


def address_of(name: str, purpose: Purpose = "read", home: Path | str | None = None) -> str:
    """The connection string of a source's legacy database.

    `LEGACY_<NAME>_DSN` in the environment comes first, then the file
    `<home>/secrets/legacy/<name>.dsn`; capture and writeback have names of their own, and fall
    back to the one for reading. `home` is CONTENTSERVER_HOME. Raises AddressMissing, AddressOpen.
    """
    if _NAME.fullmatch(name) is None:
        raise AddressMissing(f"{name!r} is no name of a source")
    folder = Path(home or os.environ.get("CONTENTSERVER_HOME", "var")) / "secrets" / "legacy"
    for wanted in dict.fromkeys((purpose, "read")):
        found = os.environ.get(_variable(name, wanted)) or _read(folder / (name + _FILES[wanted]))
        if found and found.strip():
            return found.strip()
    raise AddressMissing(
        f"the legacy database of {name} has no address: set {_variable(name, purpose)}, or write "
        f"the connection string to {folder / (name + _FILES[purpose])} (mode 600)"
    )


def _variable(name: str, purpose: str) -> str:
    return f"LEGACY_{name.upper().replace('-', '_')}{_VARIABLES[purpose]}"


def _read(path: Path) -> str | None:
    try:
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(opened, encoding="utf-8") as file:
        if os.fstat(opened).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise AddressOpen(f"others may read {path}; run: chmod 600 {path}")
        return file.read()
