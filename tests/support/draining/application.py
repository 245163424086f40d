"""The old application's three tables, one of each kind, and what is in them.

Its own reading shares no code with the migrator's. `counter` numbers each record's changes; it is
the application's, and no part of any source.
"""

import gzip
import hashlib
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self, TypeVar

import psycopg

from migrator.legacy import capture
from tests.support.draining.contents import State, read
from tests.support.draining.ledger import SOURCES
from tests.support.legacy import LegacyTables

T = TypeVar("T")
KINDS: dict[str, dict[str, Any]] = {
    # Neither length nor digest: its chunks change alone.
    "chunked": {"kind": "chunks", "codec": "zlib", "scope": "chunk", "declared": False},
    "bytea": {"kind": "bytea", "codec": "gzip", "scope": "stream"},
    "objects": {"kind": "large_object", "codec": "none", "scope": "stream"},
}
_PLAIN = {"zlib": zlib.decompress, "gzip": gzip.decompress, "none": bytes}


class Held(NamedTuple):
    """A file as one side has it."""

    filename: str | None
    media_type: str
    sha256: str
    state: State


class Application:
    """One connection of it; each writer has its own."""

    def __init__(self, url: str, *, create: bool = False) -> None:
        self.url = url
        self.tables = {
            name: LegacyTables(
                url, name=name, collection=name, schema=f"old_{name}", create=create, **facts
            )
            for name, facts in KINDS.items()
        }
        for tables in self.tables.values():
            tables.connection.close()
        self.connection: psycopg.Connection[Any]
        self.connect()

    @classmethod
    def make(cls, url: str, records: int) -> Self:
        """In an empty database, with triggers on all three, and no record yet."""
        made = cls(url, create=True)
        for name, tables in made.tables.items():
            tables.execute(
                "CREATE TABLE {schema}.counter (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0,"
                " alive boolean NOT NULL DEFAULT false)"
            )
            tables.execute(
                "INSERT INTO {schema}.counter SELECT * FROM generate_series(0, %s)", records - 1
            )
            capture.install(made.connection, tables.description)
            assert name in SOURCES
        return made

    def connect(self) -> None:
        """Anew. Raises psycopg.OperationalError."""
        self.connection = psycopg.connect(self.url, autocommit=True, connect_timeout=5)
        for tables in self.tables.values():
            tables.connection = self.connection

    def close(self) -> None:
        self.connection.close()

    def patiently(self, work: Callable[[], T]) -> T:
        """Once more while the server is away: it is killed at any moment."""
        while True:
            try:
                if self.connection.broken:
                    self.connect()
                return work()
            except psycopg.OperationalError:
                time.sleep(0.1)

    def waiting(self) -> dict[str, int]:
        """Events in the change logs."""
        return {name: self._count(f'contentserver_capture."{name}_changes"') for name in SOURCES}

    def held(self, source: str) -> dict[int, Held]:
        """Every file, at one moment."""
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            contents = self._contents(source)
            rows = self.tables[source].execute("SELECT id, filename, mime FROM {photo}").fetchall()
        return {id_: held(name, mime, contents[id_]) for id_, name, mime in rows}

    def _contents(self, source: str) -> Mapping[int, bytes]:
        tables = self.tables[source]
        plain = _PLAIN[tables.codec]
        if tables.kind == "chunks":
            found: dict[int, bytes] = {}
            chunks = "SELECT photo_id, data FROM {chunk} ORDER BY photo_id, n"
            for id_, data in tables.execute(chunks):
                found[id_] = found.get(id_, b"") + plain(data)
            return found
        data = "data" if tables.kind == "bytea" else "lo_get(data)"
        return {
            id_: plain(stored)
            for id_, stored in tables.execute(f"SELECT id, {data} FROM {{photo}}")
        }

    def _count(self, table: str) -> int:
        row = self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert row is not None
        return int(row[0])


def held(filename: str | None, media_type: str, content: bytes) -> Held:
    """Raises ValueError for bytes that no writer made."""
    return Held(filename, media_type, hashlib.sha256(content).hexdigest(), read(content))
