"""PostgreSQL destroyed: ledger and catalog are made again from the disk, equal to what was there.

Everything runs as the user it has in operation: web, bridge, archiver and owner of the tables.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from contentserver.embedded.postgres import USERS
from skold.journal import Journal
from tests.support.bridge import RunningBridge
from tests.support.catalog import Library
from tests.support.plane import REPOSITORY, Home
from tests.support.servers import TestPostgres

AUDIT = "SELECT * FROM skold_audit WHERE leaf_index < %s ORDER BY leaf_index"
VERSIONS = """
SELECT to_jsonb(v) - 'id' - 'file_id' - 'recorded_at' FROM contentserver_storedversion v
ORDER BY 1
"""
FILES = "SELECT to_jsonb(f) - 'id' FROM contentserver_file f ORDER BY 1"


class Installation:
    """A store, a bridge and the four users of its database."""

    def __init__(self, server: TestPostgres, folder: Path) -> None:
        self.server = server
        urls = {
            name: server.url.replace("//contentserver@", f"//{user}@")
            for name, user in USERS.items()
        }
        self.urls = urls
        self._journal: Journal | None = None
        self.library = Library(Home(folder / "home", CONTENTSERVER_NODE="node-1"))
        self.library.home.config.policy.unlink()
        self.bridge = RunningBridge(self.library.home, urls["DATABASE_URL"])
        self.bridge.environment |= {**urls, "DJANGO_SECRET_KEY": "k" * 50}

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY,
            env=self.bridge.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.url) as connection:
            return connection.execute(query, values).fetchall()

    def use(self, number: int) -> None:
        self.library.put(f"file-{number}", str(number).encode())
        journal = Journal(self.library.home.config.journal_dirs, "node-1")
        journal.start()
        body = {"id": f"r{number}", "plane": "data", "action": "write", "decision": "allow"}
        asked = journal.append("req", body, {"key": f"file-{number}", "end_user": "anna"})
        journal.append("done", {"status": 201}, ref=asked).wait(5)
        journal.close()

    def use_quickly(self, number: int) -> None:
        """An access alone, by one process that lives on."""
        if self._journal is None:
            self._journal = Journal(self.library.home.config.journal_dirs, "node-1")
            self._journal.start()
        body = {"id": f"q{number}", "plane": "data", "action": "read", "decision": "allow"}
        asked = self._journal.append("req", body, {"key": f"f-{number}", "end_user": "anna"})
        self._journal.append("done", {"status": 200}, ref=asked).wait(5)

    def files_with(self, text: bytes) -> list[Path]:
        """Files of the node that hold these bytes."""
        config = self.library.home.config
        folders = (config.ledger, *config.journal_dirs)
        paths = (path for folder in folders for path in folder.rglob("*") if path.is_file())
        return [path for path in paths if text in path.read_bytes()]

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
        self.bridge.kill()
        self.library.close()

    def destroy(self) -> None:
        """The database is gone, with everything in it; the server and its users stand."""
        address = make_conninfo(self.server.url, dbname="postgres")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("DROP DATABASE contentserver WITH (FORCE)")
            connection.execute("CREATE DATABASE contentserver")


@pytest.fixture
def installation(own_postgres: TestPostgres, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(own_postgres, tmp_path)
    yield made
    made.close()


def test_ledger_and_catalog_are_rebuilt_from_disk_equal(installation: Installation) -> None:
    installation.command("initialise")
    installation.bridge.start()
    for number in range(5):
        installation.use(number)
    done = "SELECT count(*) FROM skold_audit WHERE kind = 'done'"
    versions = "SELECT count(*) FROM contentserver_storedversion"
    installation.bridge.wait_until(
        lambda: (installation.ask(done), installation.ask(versions)) == ([(5,)], [(5,)])
    )
    installation.bridge.stop()
    installation.command("rebuild_ledger", "--json")
    (leaves,) = installation.ask("SELECT next_leaf FROM skold_ledgermark")[0]
    before = (installation.ask(AUDIT, leaves), installation.ask(VERSIONS), installation.ask(FILES))

    installation.destroy()
    installation.command("initialise")
    installation.command("rebuild_catalog")
    rebuilt = json.loads(installation.command("rebuild_ledger", "--json"))

    assert rebuilt["equal"]
    assert rebuilt["copied"] >= leaves
    after = (installation.ask(AUDIT, leaves), installation.ask(VERSIONS), installation.ask(FILES))
    assert after == before
    installation.bridge.start()
    checked = json.loads(installation.command("rebuild_ledger", "--check", "--json"))
    assert (checked["equal"], checked["differences"]) == (True, [])
    assert "Disk and catalog are equal" in installation.command("rebuild_catalog", "--check")
    installation.bridge.stop()


@pytest.mark.slow
def test_the_bridge_redacts_as_the_user_it_is_killed_as_often_as_you_like(
    installation: Installation,
) -> None:
    """No superuser anywhere: what it may do is what it needs."""
    installation.command("initialise")
    for number in range(200):
        installation.use_quickly(number)
    installation.bridge.start()
    done = "SELECT count(*) FROM skold_audit WHERE kind = 'done'"
    installation.bridge.wait_until(lambda: installation.ask(done) == [(200,)])
    with psycopg.connect(installation.urls["DATABASE_URL"], autocommit=True) as web:
        web.execute(
            "INSERT INTO skold_redaction"
            " (kind, selector, reason, state, asked_by, asked_at, decided_by, error)"
            " VALUES ('end_user', '{\"end_user\": \"anna\"}', 'case', 'asked', 'admin:b',"
            " now(), '', '')"
        )
        counted = "SELECT records FROM skold_redaction"
        installation.bridge.wait_until(lambda: installation.ask(counted) == [(200,)])
        web.execute(
            "UPDATE skold_redaction SET state = 'approved', decided_by = 'admin:c',"
            " decided_at = now()"
        )
    state = "SELECT state FROM skold_redaction"
    for pause in (0.5, 1.0, 1.5, 2.0):
        time.sleep(pause)
        installation.bridge.kill()
        installation.bridge.start()
    installation.bridge.wait_until(lambda: installation.ask(state) == [("done",)], seconds=40)
    left = "SELECT count(*) FROM skold_audit WHERE position('anna' IN private::text) > 0"
    assert installation.ask(left) == [(0,)]
    assert not installation.files_with(b'"end_user":"anna"')
    checked = json.loads(installation.command("rebuild_ledger", "--check", "--json"))
    assert checked["equal"]
    installation.bridge.stop()
