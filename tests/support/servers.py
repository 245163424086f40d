"""The one PostgreSQL of a test run, and PostgreSQL servers of a test's own."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contentserver.embedded.account import choose_account
from contentserver.embedded.binaries import postgres_folder, valkey_program
from contentserver.embedded.guardian import iter_descendants
from contentserver.embedded.postgres import Postgres
from contentserver.embedded.processes import Guardian
from contentserver.embedded.valkey import Valkey
from tests.support.migrated import copy_cluster


@dataclass(frozen=True, slots=True)
class _Server(Postgres):
    """With `settings` of a test's own, which come last and so hold."""

    settings: Mapping[str, str] = field(default_factory=dict)

    def _options(self) -> list[str]:
        own = (f"--{name}={value}" for name, value in self.settings.items())
        return [*Postgres._options(self), *own]


MEMORY = Path("/dev/shm")
ROOM = 2 << 30  # bytes that must be free there


class TestPostgres:
    """A running server that a test may freeze, thaw and stop. `url` is its DATABASE_URL."""

    __test__ = False

    def __init__(self, server: _Server, guardian: Guardian) -> None:
        self.url, self.data = server.url, server.data
        self._server = server
        self._guardian = guardian
        self._child = server.start(guardian)

    @property
    def pid(self) -> int:
        return self._child.pid

    def freeze(self) -> None:
        """Stop every process of it in its tracks: connections hang, nothing is refused."""
        freeze(self.pid)

    def thaw(self) -> None:
        thaw(self.pid)

    def kill(self) -> None:
        """SIGKILL to every process of it. What was committed is kept, as the kernel still runs."""
        self._child.kill()
        self._child.stop()

    def start(self) -> None:
        """After `kill` or `stop`; returns when it answers."""
        self._child = self._server.start(self._guardian)

    def stop(self) -> None:
        self.thaw()
        self._child.stop()


@contextmanager
def running_postgres(
    home: Path, *, migrated: bool = True, **settings: str
) -> Iterator[TestPostgres]:
    """A PostgreSQL whose sockets are in `home`/sock; it ends with the block, or this process.
    Its database has our tables, unless not `migrated`. `settings` as in postgresql.conf. Its data
    ends with it.
    """
    home.mkdir(parents=True, exist_ok=True)
    account = choose_account(home, postgres_folder() / "bin" / "postgres")
    lock = os.open(home / "guardian.lock", os.O_CREAT | os.O_RDWR, 0o600)
    guardian = Guardian(lock)
    folder = _data_folder(account.state)
    guardian.remove_at_end(folder)
    account.make_private(folder)
    server = _Server(
        account,
        folder / "postgres",
        home / "sock",
        home / "postgres.log",
        fsync=False,
        settings={"max_wal_size": "128MB", **settings},
    )
    if migrated:
        copy_cluster(account, server.data)
    running = TestPostgres(server, guardian)
    try:
        yield running
    finally:
        running.stop()
        guardian.close()
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _data_folder(state: Path) -> Path:
    """In memory where there is room: what a hundred servers write would keep the disk from those
    who wait for it, and nothing of it is to survive anybody.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        return Path(tempfile.mkdtemp(prefix="contentserver-postgres-", dir=MEMORY))
    return Path(tempfile.mkdtemp(prefix="postgres-", dir=state))


@contextmanager
def running_valkey(home: Path) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """A broker whose socket is in `home`: its URL, what kills it and what starts it again."""
    home.mkdir(parents=True, exist_ok=True)
    account = choose_account(home, valkey_program())
    lock = os.open(home / "guardian.lock", os.O_CREAT | os.O_RDWR, 0o600)
    guardian = Guardian(lock)
    server = Valkey(account, account.state / "valkey", home / "sock", home / "valkey.log")
    running = [server.start(guardian)]

    def kill() -> None:
        running[-1].kill()
        running[-1].stop()

    try:
        yield server.url, kill, lambda: running.append(server.start(guardian))
    finally:
        running[-1].stop()
        guardian.close()
        os.close(lock)


def freeze(pid: int) -> None:
    """SIGSTOP a process and its descendants; parents first, so that nothing new is born."""
    for frozen in (pid, *iter_descendants(pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(frozen, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """SIGCONT a process and its descendants."""
    for frozen in (*iter_descendants(pid), pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(frozen, signal.SIGCONT)
