"""A real PostgreSQL of the benchmark's own, from the wheel, flushing as PostgreSQL does."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contentserver.embedded.account import choose_account
from contentserver.embedded.binaries import postgres_folder
from contentserver.embedded.postgres import Postgres
from contentserver.embedded.processes import Child, Guardian


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
        server = _Tuned(
            account,
            account.state / "postgres",
            folder / "sock",
            folder / "postgres.log",
            settings=settings,
        )
        self.url = server.url
        self.sockets = server.sockets
        self._child: Child = server.start(self._guardian)
        self.pid = self._child.pid

    def stop(self) -> None:
        self._child.stop()
        self._guardian.close()
