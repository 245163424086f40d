"""Checks that a file passes before its commit, named by CONTENTSERVER_COMMIT_CHECKS.

A name is a dotted path. A function is called as it stands, with the file's metadata and its bytes;
a class is made once at the start, with the `Config`, and then called alike
(`contentserver.store.checking.Check` says what a check may do). They come one after the other, in
the order of their names, and the first that refuses decides.
"""

import importlib
import threading
from collections.abc import Callable, Iterable, Mapping

from contentserver.conf import Config
from contentserver.store.checking import Check
from contentserver.store.errors import CheckUnavailable, Refused
from contentserver.store.metadata import Metadata

SETTING = "CONTENTSERVER_COMMIT_CHECKS"
AT_ONCE = 24
"""Files checked at the same time in a process; three quarters of its writers."""

PATIENCE = 10.0
"""Seconds for which a file waits to be one of them."""

OUTCOMES = PASSED, REFUSED, FAILED = "passed", "refused", "failed"
Count = Callable[[str, str], None]


class UnusableCheck(Exception):
    """A check that the settings name cannot be used; the message says which, and why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{SETTING} names {name!r}: {reason}")


def load_checks(config: Config, count: Count | None = None) -> Check | None:
    """All checks that the settings name, as one; None where they name none. `count` is called from
    any thread, after each check, with its name and one of OUTCOMES.

    Raises UnusableCheck. Nothing may start without a check that it was told to make.
    """
    checks = {name: _load(name, config) for name in config.commit_checks}
    return _InTurn(checks, count or _nobody_counts) if checks else None


class _InTurn:
    """All checks, one after the other; each reads the bytes for itself.

    Of the threads that write, some stay free of checks, so that one that hangs does not stop
    whatever needs none.
    """

    def __init__(
        self, checks: Mapping[str, Check], count: Count, patience: float = PATIENCE
    ) -> None:
        self._checks = checks
        self._count = count
        self._patience = patience
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def __call__(self, metadata: Metadata, data: Iterable[bytes]) -> None:
        if not self._free.acquire(timeout=self._patience):
            raise CheckUnavailable("too many commit checks are under way; does one of them hang?")
        try:
            for name, check in self._checks.items():
                self._make(name, check, metadata, data)
        finally:
            self._free.release()

    def _make(self, name: str, check: Check, metadata: Metadata, data: Iterable[bytes]) -> None:
        outcome = FAILED
        try:
            check(metadata, data)
            outcome = PASSED
        except Refused:
            outcome = REFUSED
            raise
        finally:
            self._count(name, outcome)


def _nobody_counts(name: str, outcome: str) -> None:
    pass


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
