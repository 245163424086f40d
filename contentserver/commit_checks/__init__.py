"""Checks that a file passes before its commit, named by CONTENTSERVER_COMMIT_CHECKS.

A name is a dotted path. A function is called as it stands, with the file's metadata and its bytes;
a class is made once at the start, with the `Config`, and then called alike
(`contentserver.store.checking.Check` says what a check may do). They come one after the other, in
the order of their names, and the first that refuses decides.
"""

import importlib
from collections.abc import Iterable

from contentserver.conf import Config
from contentserver.store.checking import Check
from contentserver.store.metadata import Metadata

SETTING = "CONTENTSERVER_COMMIT_CHECKS"


class UnusableCheck(Exception):
    """A check that the settings name cannot be used; the message says which, and why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{SETTING} names {name!r}: {reason}")


def load_checks(config: Config) -> Check | None:
    """All checks that the settings name, as one; None where they name none.

    Raises UnusableCheck. Nothing may start without a check that it was told to make.
    """
    checks = tuple(_load(name, config) for name in config.commit_checks)
    if not checks:
        return None
    return checks[0] if len(checks) == 1 else _InTurn(checks)


class _InTurn:
    """Several checks, one after the other; each reads the bytes for itself."""

    def __init__(self, checks: tuple[Check, ...]) -> None:
        self._checks = checks

    def __call__(self, metadata: Metadata, data: Iterable[bytes]) -> None:
        for check in self._checks:
            check(metadata, data)


def _load(name: str, config: Config) -> Check:
    module, _, attribute = name.rpartition(".")
    if not module:
        raise UnusableCheck(name, "write module.name, for example your_package.checks.no_video")
    try:
        found = getattr(importlib.import_module(module), attribute)
        check: Check = found(config) if isinstance(found, type) else found
    except Exception as error:
        raise UnusableCheck(name, f"{type(error).__name__}: {error}") from error
    if not callable(check):
        raise UnusableCheck(name, "it cannot be called")
    return check
