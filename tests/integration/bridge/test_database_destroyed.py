"""PostgreSQL destroyed: ledger and catalog are made again from the disk, equal to what was there.

Everything runs as the user it has in operation: web, bridge, archiver and owner of the tables.
"""

import json
import subprocess
import sys
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
    made.bridge.kill()
    made.library.close()


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
