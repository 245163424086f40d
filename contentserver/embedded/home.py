"""The folder of state: made, checked, and held by one supervisor at a time."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from contentserver.embedded.errors import CannotRun

FORMER_RUN = 30.0  # seconds; how long the guardian of a killed supervisor may take


class HomeLock:
    """Holds `home`/run/lock. The guardian inherits it: it is free when nothing of a run is left.

    Raises CannotRun when the folder cannot be written, or another supervisor has it.
    """

    descriptor: int

    def __init__(self, home: Path) -> None:
        self._home = home

    def __enter__(self) -> Self:
        try:
            for folder in (self._home, self._home / "run", self._home / "logs"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._home / "run" / "lock"
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotRun(
                f"{error.filename} cannot be written ({error.strerror}). "
                "Set CONTENTSERVER_HOME to a folder of your own."
            ) from error
        self._take()
        os.truncate(self.descriptor, 0)
        os.pwrite(self.descriptor, str(os.getpid()).encode(), 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self.descriptor)

    def _take(self) -> None:
        deadline = time.monotonic() + FORMER_RUN
        while not self._try():
            holder = os.pread(self.descriptor, 20, 0).decode() or "0"
            if _is_supervisor(holder) or time.monotonic() > deadline:
                os.close(self.descriptor)
                raise CannotRun(
                    f"{self._home} is in use by process {holder}. Stop it, "
                    "or set CONTENTSERVER_HOME to another folder."
                )
            time.sleep(0.1)

    def _try(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _is_supervisor(pid: str) -> bool:
    """Whether that process lives and is one of ours, and not its number given to another."""
    try:
        return b"contentserver.embedded" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
