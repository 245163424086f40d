"""A store and a legacy source with its change log, and the importer between them."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from contentserver.delivery.rules import subject_named
from contentserver.store.store import Store
from migrator.importing import Importer, Outcome
from migrator.legacy import capture
from migrator.legacy.changes import ChangeLog
from migrator.legacy.snapshots import connect
from skold.journal import Journal
from skold.journal_reader import WriterReader, iter_writers
from tests.support.imports import make_importing_machine
from tests.support.legacy import LegacyTables
from tests.support.stores import COLLECTION, Machine


def nobody(key: str, field: str | None) -> str | None:
    """The rule of a collection that is not erasable."""


def by_key(key: str, field: str | None) -> str | None:
    return subject_named(key)


class Moving:
    """One process's importer. `again()` is another's: own connection, store and journal."""

    def __init__(self, folder: Path, tables: LegacyTables, machine: Machine, **rule: Any) -> None:
        self.folder, self.tables, self.machine = folder, tables, machine
        self.rule = {"subject_of": nobody, "patience": 0.05} | rule
        self.store: Store = machine.open()
        self.journal = Journal([folder / "journal"], "node-1", segment_size=1 << 20)
        self.journal.start()
        self.connection = connect(tables.url)
        self.importer = Importer(self.store, self.journal, tables.description, **self.rule)

    def again(self, **rule: Any) -> "Moving":
        return Moving(self.folder, self.tables, self.machine, **(self.rule | rule))

    def close(self) -> None:
        self.connection.close()
        self.journal.close()
        self.store.close()

    def bring(self, *records: Any, only_missing: bool = False) -> list[Outcome]:
        ids = [self.tables.id(record) for record in records]
        return self.importer.bring(self.connection, ids, only_missing=only_missing)

    def bring_one(self, record: Any, *, only_missing: bool = False) -> Outcome:
        (outcome,) = self.bring(record, only_missing=only_missing)
        return outcome

    def pending(self) -> set[tuple[str, ...]]:
        """Records with an event in the change log."""
        return set(self.changes.note_batch(10_000))

    def events(self, record: Any) -> list[int]:
        return self.changes.note(self.tables.id(record))

    @property
    def changes(self) -> ChangeLog:
        return ChangeLog(self.tables.connection, self.tables.description.name)

    def stored(self, record: Any) -> bytes:
        with self.store.open_latest(COLLECTION, self.tables.key(record)) as file:
            return file.read(0, file.size)

    def versions(self, record: Any) -> list[str]:
        """`2019.1`, with a - behind those that are delete markers."""
        found = self.store.list_versions(COLLECTION, self.tables.key(record))
        return [f"{one.version}{'-' if one.deleted else ''}" for one in found]

    def audit(self) -> list[dict[str, Any]]:
        """All records of imports, of every journal."""
        found = []
        for writer in iter_writers(self.folder / "journal"):
            reader = WriterReader(self.folder / "journal", writer)
            while frames := reader.read():
                found += [json.loads(json.dumps(f.fields)) for f in frames]
        return [fields for fields in found if fields["kind"] in {"req", "done"}]


@contextmanager
def moving(folder: Path, url: str, *, captured: bool = True, **facts: Any) -> Iterator[Moving]:
    """Fresh tables in the database at `url`, a fresh store below `folder`."""
    rule = {name: facts.pop(name) for name in ("subject_of", "patience") if name in facts}
    name = facts.pop("name", f"photos-{os.urandom(3).hex()}")
    with LegacyTables(url, name=name, **facts) as tables:
        if captured:
            capture.install(tables.connection, tables.description)
        moving = Moving(folder, tables, make_importing_machine(folder), **rule)
        try:
            yield moving
        finally:
            moving.close()
            with psycopg.connect(url, autocommit=True) as connection:
                capture.remove(connection, tables.description)


def run_and_kill(work: Callable[[], Any]) -> None:
    """`work` in a child that is gone without a trace afterwards, however far it came."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
