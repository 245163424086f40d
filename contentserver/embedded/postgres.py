"""PostgreSQL 18 from a wheel: initdb, the server, one database. Reached by a Unix socket only."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from contentserver.embedded.account import Account
from contentserver.embedded.binaries import POSTGRES_MAJOR, postgres_folder
from contentserver.embedded.errors import CannotRun
from contentserver.embedded.processes import Child, Command, Guardian, wait_until

USER = DATABASE = "contentserver"
USERS = {
    "DATABASE_URL": "contentserver_web",
    "BRIDGE_DATABASE_URL": "contentserver_bridge",
    "ARCHIVER_DATABASE_URL": "contentserver_archiver",
    "OWNER_DATABASE_URL": USER,
}
START_TIMEOUT = 60.0  # seconds; after a kill -9 it first replays its log


@dataclass(frozen=True, slots=True)
class Postgres:
    """Where one server's data, sockets and log lie. `fsync` is off in tests alone."""

    account: Account
    data: Path
    sockets: Path
    log: Path
    fsync: bool = True

    @property
    def url(self) -> str:
        """As the owner, who made the cluster."""
        return self.url_of(USER)

    @property
    def urls(self) -> dict[str, str]:
        """Each kind of process, by the variable that holds its address, as a user of its own.
        `manage.py initialise` makes these users. The socket's folder, open to this account alone,
        is what keeps others out.
        """
        return {name: self.url_of(user) for name, user in USERS.items()}

    def url_of(self, user: str) -> str:
        return f"postgresql://{user}@/{DATABASE}?host={quote(str(self.sockets))}"

    def start(self, guardian: Guardian) -> Child:
        """Initialise at the first start, run, and return when the database answers. Raises
        CannotRun.
        """
        installed = self._installation()
        self.account.make_shared(self.sockets)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(installed)
        self._check_version()
        self._remove_stale_pid_file()
        command = Command(
            name="postgres",
            arguments=(*self.account.prefix, str(installed / "bin" / "postgres"), *self._options()),
            cwd=Path("/"),
            environment=_environment(),
            stop_signal=signal.SIGINT,
            patience=30.0,
        )
        child = Child(command, self.log, guardian)
        wait_until(self._answers, child, START_TIMEOUT)
        self._create_database()
        return child

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0770",
            "max_connections": "60",
            "shared_buffers": "64MB",
            "fsync": "on" if self.fsync else "off",
            "full_page_writes": "on" if self.fsync else "off",
            "synchronous_commit": "on" if self.fsync else "off",
            # /dev/shm of a container is often 64 MB, less than one parallel query may ask for.
            "dynamic_shared_memory_type": "mmap",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        return ["-D", str(self.data), *(f"--{name}={value}" for name, value in settings.items())]

    def _installation(self) -> Path:
        installed = postgres_folder()
        if self.account.copied is None:
            return installed
        copied = self.account.copied / "postgres"
        if not copied.exists():
            shutil.copytree(installed, copied)
        return copied

    def _initialise(self, installed: Path) -> None:
        """Into a folder beside the final one, renamed when whole: a torn first start leaves no half
        a cluster.
        """
        half = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(half, ignore_errors=True)
        self.account.make_private(half)
        initdb = [str(installed / "bin" / "initdb"), "-D", str(half), "-U", USER, "-E", "UTF8"]
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = [
            "--auth-local=trust",
            "--auth-host=reject",
            "--data-checksums",
            "--no-instructions",
        ]
        sync = [] if self.fsync else ["--no-sync"]
        done = subprocess.run(
            [*self.account.prefix, *initdb, *locale, *access, *sync],
            cwd="/",
            env=_environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise CannotRun(f"initdb failed:\n{done.stdout}{done.stderr}")
        half.rename(self.data)

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != POSTGRES_MAJOR:
            raise CannotRun(
                f"{self.data} was made by PostgreSQL {found}; this is {POSTGRES_MAJOR}. "
                "Dump it with the older version, or move the folder away: the catalog and the "
                "audit copy are rebuilt from disk, clients and grants are not."
            )

    def _remove_stale_pid_file(self) -> None:
        """After a power cut the number in postmaster.pid may belong to anybody, and the server
        would refuse.

        The lock of the home is ours, so the only server this file can mean is a dead one; still
        look.
        """
        path = self.data / "postmaster.pid"
        if not path.exists():
            return
        pid = path.read_text(encoding="utf-8").split("\n", 1)[0].strip()
        try:
            running = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
        except OSError:
            running = ""
        if running != "postgres":
            path.unlink()

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self) -> None:
        with self._connect("postgres") as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not connection.execute(query, [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets), user=USER, dbname=database, connect_timeout=2, autocommit=True
        )


def _environment() -> dict[str, str]:
    """Nothing of ours: PGDATA or PGOPTIONS of the person at the terminal mean another server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
