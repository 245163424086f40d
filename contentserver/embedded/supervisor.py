"""Everything `make run` starts, in order, and everything it stops, in the other order."""

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import httpx
from environs import Env

from contentserver.conf import DATABASE_USERS, SERVERS_FILE, Config
from contentserver.embedded.account import choose_account, find_setpriv
from contentserver.embedded.binaries import postgres_folder
from contentserver.embedded.errors import CannotRun
from contentserver.embedded.home import HomeLock
from contentserver.embedded.postgres import Postgres
from contentserver.embedded.processes import Child, Command, Guardian, wait_until
from contentserver.embedded.sockets import choose_folder
from contentserver.embedded.valkey import Valkey

FINAL = "demo.json"
UNANNOUNCED = "demo.json.new"
REPOSITORY = Path(__file__).resolve().parent.parent.parent
START_TIMEOUT = 90.0  # seconds
INITIALISE_TIMEOUT = 300.0  # seconds; migrations of a large database take their time
LOOK = 0.2  # seconds between looks at the children


class StopRequested(BaseException):
    """Somebody wants the house to stop. No error: nothing but `run` may catch it."""


@dataclass(slots=True)
class Supervisor:
    """Runs in the main thread, which alone gets signals."""

    config: Config
    _guardian: Guardian = field(init=False)
    _ending: bool = False
    _servers: list[Child] = field(default_factory=list)
    _children: list[Child] = field(default_factory=list)
    _urls: dict[str, str] = field(default_factory=dict)

    def run(self, when_ready: Callable[[Config], None]) -> None:
        """Start everything, call `when_ready`, return when asked to stop and all is stopped.

        Raises CannotRun when something cannot be started or ends by itself; all is stopped then,
        too.
        """
        with contextlib.suppress(StopRequested):
            check_port(self.config)
            with HomeLock(self.config.home) as lock:
                self._guardian = Guardian(lock.descriptor)
                try:
                    self._start()
                    when_ready(self.config)
                    self._watch()
                finally:
                    self._ending = True
                    self._stop()
                    self._guardian.close()

    def request_stop(self) -> None:
        """For signal handlers: stop, at whatever step it is. Asked again, stop by force."""
        if not self._ending:
            raise StopRequested
        for child in (*self._children, *self._servers):
            child.kill()

    def _start(self) -> None:
        self._start_servers()
        self._initialise()
        self._start_child("bridge", "manage.py", "run_bridge")
        web = self._start_child("web", "-m", "contentserver.web", patience=35.0)
        self._wait_for(web)
        # Not before: nobody waits for the worker, and its start costs as much as the others'.
        self._start_worker()
        if read_demo(self.config.home).get("legacy_source"):
            self._start_child("legacy-writer", "-m", "migrator.demo.writer")
        self._write_servers()

    def _start_servers(self) -> None:
        env = Env()
        names = ("DATABASE_URL", "BROKER_URL", *DATABASE_USERS)
        self._urls = {name: url for name in names if (url := env.str(name, ""))}
        if not {"DATABASE_URL", "BROKER_URL"} <= self._urls.keys():
            self._start_embedded()
        self._write_servers()

    def _start_embedded(self) -> None:
        home = self.config.home
        account = choose_account(home, postgres_folder() / "bin" / "postgres")
        sockets, temporary = choose_folder(account.state / "sock")
        if temporary:
            self._guardian.remove_at_end(sockets)
        logs = home / "logs"
        if "DATABASE_URL" not in self._urls:
            postgres = Postgres(account, account.state / "postgres", sockets, logs / "postgres.log")
            self._servers.append(postgres.start(self._guardian))
            self._urls |= postgres.urls
        if "BROKER_URL" not in self._urls:
            valkey = Valkey(account, account.state / "valkey", sockets, logs / "valkey.log")
            self._servers.append(valkey.start(self._guardian))
            self._urls["BROKER_URL"] = valkey.url

    def _write_servers(self) -> None:
        """Tell commands in other terminals (contentserver.conf reads it) where the servers are."""
        path = self.config.run / SERVERS_FILE
        self._guardian.remove_at_end(path)
        pids = {child.name: child.pid for child in (*self._servers, *self._children)}
        facts = {name.lower(): url for name, url in self._urls.items()}
        write_private(path, {**facts, "supervisor": os.getpid(), "pids": pids})

    def _initialise(self) -> None:
        child = self._start_child("initialise", "manage.py", "initialise", "--demo")
        if child.wait(INITIALISE_TIMEOUT):
            raise child.failed("failed")
        self._children.remove(child)
        child.stop()

    def _start_worker(self) -> None:
        beat = str(self.config.run / "celerybeat-schedule")
        celery = ("-m", "celery", "-A", "contentserver.celery", "worker", "--beat", "-s", beat)
        options = ("--concurrency=2", "--loglevel=INFO", "--without-gossip", "--without-mingle")
        self._start_child("worker", *celery, *options)

    def _start_child(self, name: str, *arguments: str, patience: float = 15.0) -> Child:
        environment = {
            **os.environ,
            **self._urls_for(name),
            "CONTENTSERVER_HOME": str(self.config.home),
            "CONTENTSERVER_PORT": str(self.config.port),
            "DJANGO_SETTINGS_MODULE": "contentserver.settings",
            "PYTHONUNBUFFERED": "1",
        }
        # The parent-death signal is the kernel's; the guardian does the same for grandchildren.
        start = (find_setpriv(), "--pdeathsig", "TERM", sys.executable)
        term = signal.SIGTERM
        command = Command(name, (*start, *arguments), REPOSITORY, environment, term, patience)
        child = Child(command, self.config.home / "logs" / f"{name}.log", self._guardian)
        self._children.append(child)
        return child

    def _urls_for(self, child: str) -> dict[str, str]:
        """Addresses that a child is told: users that may do more go to those who need them."""
        beyond = {"initialise": DATABASE_USERS, "bridge": ("BRIDGE_DATABASE_URL",)}.get(child, ())
        named = {"DATABASE_URL", "BROKER_URL", *beyond}
        return {name: url for name, url in self._urls.items() if name in named}

    def _wait_for(self, web: Child) -> None:
        def ready() -> bool:
            self._check()
            return is_ready(self.config)

        wait_until(ready, web, START_TIMEOUT)

    def _watch(self) -> NoReturn:
        while True:
            self._check()
            time.sleep(LOOK)

    def _check(self) -> None:
        for child in (*self._servers, *self._children):
            child.check()

    def _stop(self) -> None:
        """The web first, so that no request meets a house half gone; the servers last."""
        web = [child for child in self._children if child.name == "web"]
        others = [child for child in self._children if child.name != "web"]
        for group in (web, others, self._servers):
            for child in group:
                child.ask_to_stop()
            for child in group:
                child.stop()


def check_port(config: Config) -> None:
    """Raises CannotRun when somebody else listens there already."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise CannotRun(
                f"port {config.port} of {config.host} cannot be used ({error.strerror}). "
                f"Choose another: CONTENTSERVER_PORT={config.port + 1} make run"
            ) from error


def is_ready(config: Config) -> bool:
    """Whether the data plane serves, and Django answers beside it."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - it is not bound
    try:
        answers = [
            httpx.get(f"http://{host}:{config.port}{path}", timeout=10, trust_env=False)
            for path in ("/readyz", "/admin/login/")
        ]
    except httpx.TransportError:
        return False
    return not any(answer.is_error for answer in answers)


def read_demo(home: Path) -> dict[str, Any]:
    """What `initialise --demo` made, announced or not yet."""
    fresh = home / UNANNOUNCED
    demo: dict[str, Any] = json.loads((fresh if fresh.exists() else home / FINAL).read_bytes())
    return demo


def write_private(path: Path, document: dict[str, Any]) -> None:
    """Replace a JSON file, mode 0600; readers see the old or the new one whole."""
    half = path.with_name(f".{path.name}.half")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        json.dump(document, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(descriptor)
    half.replace(path)
