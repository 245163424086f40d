"""A real PostgreSQL of the benchmark's own, from the wheel, flushing as PostgreSQL does."""

import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import processes
from contentserver.embedded.account import choose_account
from contentserver.embedded.binaries import postgres_folder
from contentserver.embedded.postgres import Postgres
from contentserver.embedded.processes import Child, Guardian
from contentserver.embedded.sockets import choose_folder


@dataclass(frozen=True, slots=True)
class _Tuned(Postgres):
    settings: Mapping[str, str] = field(default_factory=dict)

    def _options(self) -> list[str]:
        # The last one of the same name counts.
        mine = [f"--{name}={value}" for name, value in self.settings.items()]
        return [*Postgres._options(self), *mine]  # slots: a bare super() finds another class


class OwnPostgres:
    """Started at once; `url` is how to reach it. `settings` are PostgreSQL's, by name."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        account = choose_account(folder, postgres_folder() / "bin" / "postgres")
        lock = os.open(folder / "guardian.lock", os.O_CREAT | os.O_RDWR, 0o600)
        self._guardian = Guardian(lock)
        os.close(lock)
        self.sockets, self._elsewhere = choose_folder(folder / "sock")
        self._server = _Tuned(
            account,
            account.state / "postgres",
            self.sockets,
            folder / "postgres.log",
            settings=settings,
        )
        self.url = self._server.url
        self._child: Child = self._server.start(self._guardian)

    @property
    def pid(self) -> int:
        return self._child.pid

    def freeze(self) -> None:
        """Stop every process of it in its tracks: nothing is refused, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9 of every process of it."""
        self._signal(signal.SIGKILL)
        self._child.stop()

    def restart(self) -> None:
        """Start it again on the same data."""
        self._child = self._server.start(self._guardian)

    def stop(self) -> None:
        """End it for good."""
        self._child.stop()
        self._guardian.close()
        if self._elsewhere:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def _signal(self, how: signal.Signals) -> None:
        for process in processes.tree(self.pid):
            process.send_signal(how)
