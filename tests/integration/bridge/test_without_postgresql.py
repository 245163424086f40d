"""With PostgreSQL away facts queue on disk; when it is back everything arrives, once."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from contentserver.conf import Config
from skold.journal import Journal
from skold.ledger.mark import read_mark
from tests.support.bridge import RunningBridge
from tests.support.catalog import Library
from tests.support.plane import Home
from tests.support.servers import TestPostgres


class Own:
    """A PostgreSQL, a store and a bridge that this module alone uses."""

    def __init__(self, server: TestPostgres, folder: Path) -> None:
        self.server = server
        self.library = Library(Home(folder / "home", CONTENTSERVER_NODE="node-1"))
        self.library.home.config.policy.unlink()
        self.bridge = RunningBridge(self.library.home, server.url)

    @property
    def config(self) -> Config:
        return self.library.home.config

    def ask(self, query: str) -> Any:
        with psycopg.connect(self.server.url) as connection:
            row = connection.execute(query).fetchone()
            assert row is not None
            return row[0]

    def counts(self) -> tuple[int, int]:
        versions = self.ask("SELECT count(*) FROM contentserver_storedversion")
        return versions, self.ask("SELECT count(*) FROM skold_audit WHERE kind = 'req'")

    def use(self, number: int) -> None:
        """Store a file and record an access, as the data plane does."""
        self.library.put(f"file-{number}", str(number).encode())
        journal = Journal(self.config.journal_dirs, "node-1")
        journal.start()
        body = {"id": f"r{number}", "plane": "data", "action": "write", "decision": "allow"}
        journal.append("req", body).wait(5)
        journal.close()


@pytest.fixture
def own(own_postgres: TestPostgres, tmp_path: Path) -> Iterator[Own]:
    own = Own(own_postgres, tmp_path)
    yield own
    own.bridge.kill()
    own.library.close()


def test_frozen_in_the_middle_nothing_is_lost_and_nothing_arrives_twice(own: Own) -> None:
    own.bridge.start()
    own.use(0)
    own.bridge.wait_until(lambda: own.counts() == (1, 1), 40)

    own.server.freeze()
    before = read_mark(own.config.ledger, "node-1").leaves
    for number in range(1, 21):
        own.use(number)
    # The ledger goes on numbering, the outbox goes on being taken, without PostgreSQL.
    own.bridge.wait_until(lambda: read_mark(own.config.ledger, "node-1").leaves >= before + 20)
    own.bridge.wait_until(lambda: own.library.store.outbox.oldest_minute("new") is None)
    assert own.library.store.outbox.oldest_minute("catalog") is not None
    own.server.thaw()

    own.bridge.wait_until(lambda: own.counts() == (21, 21), 40)
    own.bridge.stop()
    assert own.counts() == (21, 21)
    assert own.ask("SELECT max(number) = count(*) FROM contentserver_change")


def test_with_its_connections_killed_it_logs_once_and_catches_up(own: Own) -> None:
    own.bridge.start()
    own.use(0)
    own.bridge.wait_until(lambda: own.counts() == (1, 1), 40)
    for number in range(1, 6):
        own.ask(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        own.use(number)
    own.bridge.wait_until(lambda: own.counts() == (6, 6), 40)
    own.bridge.wait_until(lambda: own.bridge.status()["problems"] == [], 40)
    failures = [line for line in own.bridge.read_log().splitlines() if "bridge_loop_failed" in line]
    assert failures
    assert all(json.loads(line)["loop"] for line in failures)


@pytest.mark.slow
def test_frozen_postgresql_does_not_keep_it_from_ending(own: Own) -> None:
    own.bridge.start()
    own.use(0)
    own.bridge.wait_until(lambda: own.counts() == (1, 1), 40)
    own.server.freeze()
    own.use(1)
    time.sleep(1.0)
    assert own.bridge.stop() < 5.0
    own.server.thaw()
    own.bridge.start()
    own.bridge.wait_until(lambda: own.counts() == (2, 2), 40)


def test_it_starts_without_postgresql_and_says_so_in_its_status(own: Own) -> None:
    own.bridge.environment["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    own.use(0)
    own.bridge.start()
    own.bridge.wait_until(lambda: read_mark(own.config.ledger, "node-1").leaves > 0)

    def problems() -> list[str]:
        found: list[str] = own.bridge.status().get("problems", [])
        return found

    own.bridge.wait_until(lambda: any(text.startswith("catalog has failed") for text in problems()))
    assert not any("127.0.0.1" in text for text in problems())
