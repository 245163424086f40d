"""A legacy database that is written to, and a content server that drains it meanwhile."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contentserver import runtime
from contentserver.catalog.services import create_collection
from contentserver.store.store import Store
from migrator.models import RecordError, Source
from migrator.services.sources import create_source
from skold.services.clients import create_client
from skold.services.grants import give_grant
from skold.services.keys import issue_api_key
from tests.support.bridge import RunningBridge, database_url
from tests.support.draining.application import Application
from tests.support.draining.ledger import SOURCES, Ledger
from tests.support.draining.processes import Running
from tests.support.draining.readers import API_KEY
from tests.support.draining.users import Seen
from tests.support.draining.writers import URL
from tests.support.plane import POLICY_SEEN_AFTER, DataPlane
from tests.support.servers import TestPostgres
from tests.support.syncing import write_address

SERVER = {
    "max_prepared_transactions": "64",
    "max_connections": "200",
    # A commit that the writers were told of survives a kill.
    "synchronous_commit": "on",
}
"""Settings of the legacy server."""


@dataclass
class Readings:
    """What readers saw: how many answers of each kind; answers that were too old; failures."""

    seen: Counter[str] = field(default_factory=Counter)
    old: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def add(self, found: dict[str, Any]) -> None:
        self.seen.update(found["seen"])
        self.old += found["old"]
        self.failed += found["failed"]


class Drain:
    """`writers` in processes of 12, the sync, importers beside it, bridge, data plane, readers."""

    def __init__(
        self, home: DataPlane, legacy: TestPostgres, *, writers: int, records: int
    ) -> None:
        self.home, self.legacy, self.writers = home, legacy, writers
        self.folder = home.folder.parent
        self.ledger = Ledger(self.folder / "committed", records)
        self.application = Application.make(legacy.url, records)
        self.bridge = RunningBridge(home, database_url())
        client = create_client(actor="tester", id="portal", name="portal")
        give_grant(
            actor="tester", client=client, collection="*", actions=["read", "write", "delete"]
        )
        self.api_key = issue_api_key(actor="tester", client=client).plaintext
        self.sync = self._process("sync", "-m", "tests.support.draining.sync")
        # The same task delivered twice: whoever comes second waits for what the first leaves.
        self.twin = self._process("twin", "-m", "tests.support.draining.sync")
        self.importers = [
            self._process(
                f"importer-{number}", "-m", "tests.support.draining.importers",
                *self.ledger.arguments, "3",
            )
            for number in range(2)
        ]  # fmt: skip
        self.writing: list[Running] = []
        self.reading: list[Running] = []
        for name in SOURCES:
            self._declare(name)

    @property
    def changes(self) -> int:
        """Committed by the writers so far."""
        return self.ledger.changes

    def sync_by(self, broker: str) -> None:
        """Have the sync done by a worker with its beat, as `make run` starts it."""
        beat = str(self.folder / "beat")
        self.sync = self._process(
            "worker", "-m", "celery", "-A", "contentserver.celery", "worker", "--beat", "-s", beat,
            "--concurrency=2", "--loglevel=INFO", "--without-gossip", "--without-mingle",
        )  # fmt: skip
        self.sync.environment["BROKER_URL"] = broker

    def start(self, *, longest: float, importers: bool = True) -> None:
        """All at once; returns when every writer has written. `longest`: seconds for which a
        transaction may stay open.
        """
        if not importers:
            self.importers = []
        self.bridge.start()
        for number in range(0, self.writers, 12):
            count = min(12, self.writers - number)
            process = self._process(
                f"writers-{number}", "-m", "tests.support.draining.writers",
                *self.ledger.arguments, str(number), str(count), str(longest),
                str(self._rolled_back(number)),
            )  # fmt: skip
            self.writing.append(process)
        for one in (self.sync, *self.importers, *self.writing):
            one.start()
        wait_until(lambda: self.ledger.is_begun(self.writers), 90.0, self._writers_logs)

    def enter(self, mode: str) -> None:
        """Every source goes to this mode; returns when the data plane obeys."""
        Source.objects.update(mode=mode)
        wait_until(lambda: self._published() == {mode}, 60.0, self.bridge.read_log)
        time.sleep(POLICY_SEEN_AFTER)

    def read(self, *, threads: int) -> None:
        """Have a data plane, and readers of it."""
        self.home.start()
        process = self._process(
            f"readers-{len(self.reading)}", "-m", "tests.support.draining.readers",
            *self.ledger.arguments, "127.0.0.1", str(self.home.config.port), str(threads),
            str(self._readings(len(self.reading))),
        )  # fmt: skip
        self.reading.append(process)
        process.start()

    def stop_reading(self) -> Readings:
        self.ledger.stop_reading()
        found = Readings()
        for number, one in enumerate(self.reading):
            assert one.wait(60.0) == 0, one.read_log()
            found.add(json.loads(self._readings(number).read_bytes()))
        return found

    def read_as(
        self, files: Sequence[tuple[str, str]], *, users: int, pause: float
    ) -> Callable[[], Seen]:
        """Have a data plane, and users of it; what is returned ends them and says what they saw."""
        self.home.start()
        seen = self.folder / "seen"
        process = self._process(
            "users", "-m", "tests.support.draining.users", *self.ledger.arguments,
            str(self.home.config.port), str(users), str(pause), str(seen),
        )  # fmt: skip
        self.reading.append(process)
        process.start(json.dumps(files))

        def end() -> Seen:
            self.ledger.stop_reading()
            assert process.wait(60.0) == 0, process.read_log()
            facts = json.loads(seen.read_bytes())
            return Seen(**{**facts, "errors": Counter(facts["errors"])})

        return end

    def restart_bridge(self) -> None:
        self.bridge.kill()
        self.bridge.start()

    def restart_data_plane(self) -> None:
        self.home.kill()
        self.home.start()

    def truncate(self, source: str) -> None:
        """Everything of one source, by one statement, between two transactions of each writer."""
        self.ledger.pause(paused=True)
        wait_until(lambda: self.ledger.resting(self.writers), 30.0, "the writers do not rest")
        numbers = self.application.patiently(lambda: self._empty(source))
        for record, number in numbers.items():
            self.ledger.committed(source, record, number, content=True, named=False)
        self.ledger.pause(paused=False)

    def stop_writing(self) -> None:
        """Writers and importers end by themselves."""
        self.ledger.stop()
        for one in (*self.writing, *self.importers):
            assert one.wait(60.0) == 0, one.read_log()

    def rolled_back(self) -> set[str]:
        """Tokens of states that never were."""
        files = self.folder.glob("rolled-back-*")
        return {token for file in files for token in file.read_text().split()}

    def wait_until_quiet(self, seconds: float) -> None:
        """Nothing waits any more: no change, no backfill, no comparison, no error."""
        wait_until(self._is_quiet, seconds, self._state)

    @contextmanager
    def opened_store(self) -> Iterator[Store]:
        keyset = runtime.data_keyset(self.home.config)
        layout = runtime.layout_file(self.home.config, keyset)
        store = runtime.open_store(self.home.config, keyset, layout)
        try:
            yield store
        finally:
            store.close()

    def close(self) -> None:
        for one in (self.sync, self.twin, *self.importers, *self.writing, *self.reading):
            one.go_on()
            one.kill()
        self.home.close()
        self.bridge.kill()
        self.application.close()

    def _empty(self, source: str) -> dict[int, int]:
        tables = self.application.tables[source]
        count = "UPDATE {schema}.counter SET n = n + 1, alive = false RETURNING id, n"
        with self.application.connection.transaction():
            numbers: dict[int, int] = dict(tables.execute(count).fetchall())
            tables.truncate()
            for record, number in numbers.items():
                self.ledger.deleting(source, record, number)
        return numbers

    def _published(self) -> set[str]:
        if not self.home.config.policy.exists():
            return set()
        keyset = runtime.data_keyset(self.home.config)
        policy = runtime.policy_file(self.home.config, keyset).current()
        return {source["mode"] for source in policy.payload["attached"]["sources"]}

    def _writers_logs(self) -> str:
        return "\n".join(one.read_log() for one in self.writing)

    def _is_quiet(self) -> bool:
        if not self.sync.is_running:
            self.sync.start()
        waiting = sum(self.application.patiently(self.application.waiting).values())
        sources = Source.objects.filter(backfill_finished_at__isnull=False, comparison={})
        return not waiting and sources.count() == len(SOURCES) and not RecordError.objects.exists()

    def _state(self) -> str:
        columns = ("name", "backfill_finished_at", "comparison", "last_error", "held_back_by")
        errors = list(RecordError.objects.values_list("source", "record", "error", "detail")[:9])
        rows = list(Source.objects.values_list(*columns))
        return f"{self.application.waiting()} {rows} {errors}\n{self.sync.read_log()}"

    def _declare(self, name: str) -> None:
        create_collection(actor="tester", name=name)
        write_address(self.home, name, self.legacy.url)
        create_source(
            actor="tester",
            description=self.application.tables[name].description,
            settings={"sync_enabled": True, "connections": 2},
        )

    def _process(self, name: str, *arguments: str) -> Running:
        environment = {
            **self.bridge.environment,
            URL: self.legacy.url,
            API_KEY: self.api_key,
            "PYTHONUNBUFFERED": "1",
        }
        return Running(name, self.folder / f"{name}.log", environment, *arguments)

    def _readings(self, number: int) -> Path:
        return self.folder / f"readings-{number}"

    def _rolled_back(self, number: int) -> Path:
        return self.folder / f"rolled-back-{number}"


@contextmanager
def draining(folder: Path, legacy: TestPostgres, **options: int) -> Iterator[Drain]:
    """A fresh home in `folder`; the bridge publishes its first policy."""
    home = DataPlane(folder / "home", CONTENTSERVER_NODE=f"node-{time.time_ns()}")
    home.config.policy.unlink()
    with ExitStack() as opened:
        drain = Drain(home, legacy, **options)
        opened.callback(drain.close)
        yield drain


def wait_until(
    condition: Callable[[], bool], seconds: float, what: str | Callable[[], str]
) -> None:
    """Raises AssertionError with `what`, or what it says then."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, what() if callable(what) else what
        time.sleep(0.1)
