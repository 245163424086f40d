"""A home, a legacy source beside it, and the sync between them."""

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from contentserver.catalog.services import create_collection
from contentserver.store.errors import Deleted, NotStored
from migrator.legacy import capture
from migrator.models import Source
from migrator.services.sources import create_source
from migrator.sync.book import Figures
from migrator.sync.plant import Plant, opened_plant
from migrator.sync.slices import Ended, run_slice
from tests.support.catalog import Library
from tests.support.legacy import LegacyTables
from tests.support.plane import Home

NOW = dt.datetime.now(dt.UTC).replace(microsecond=123456)
"""When the old application changes files, unless a test says otherwise: its year is open."""


class FakeClock:
    """Stands still until it is moved on."""

    def __init__(self, now: dt.datetime = NOW) -> None:
        self.time = now
        self.seconds = 0.0

    def now(self) -> dt.datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds

    def move(self, seconds: float) -> None:
        self.time += dt.timedelta(seconds=seconds)
        self.seconds += seconds


class Syncing:
    """One source. `run` is what beat starts each minute, ended when nothing is left to do."""

    def __init__(self, home: Home, tables: LegacyTables, plant: Plant, **settings: Any) -> None:
        self.home, self.tables, self.plant = home, tables, plant
        self.library = Library(home)
        self.seen: list[Figures] = []
        create_collection(actor="tester", name=tables.description.collection)
        write_address(home, tables.description.name, tables.url)
        create_source(
            actor="tester",
            description=tables.description,
            settings={"sync_enabled": True, "connections": 2} | settings,
        )

    @property
    def source(self) -> Source:
        return Source.objects.get()

    def run(self, *, with_bridge: bool = True, **options: Any) -> Ended:
        """`with_bridge`: the catalog learns of what is stored meanwhile."""
        given = {"seconds": 30.0, "until_idle": True} | options
        watch = given.pop("watch", lambda _source, _figures: None)

        def both(source: Source, figures: Figures) -> None:
            if with_bridge:
                self.library.carry()
            watch(source, figures)

        return run_slice(self.source.name, self.plant, watch=both, **given)

    def put(self, record: Any, data: bytes, **facts: Any) -> None:
        self.tables.put(record, data, **{"changed_at": NOW, **facts})

    def stored(self, record: Any) -> bytes | None:
        """The latest content; None behind a delete marker, and where nothing is stored."""
        collection, key = self.tables.description.collection, self.tables.key(record)
        try:
            with self.plant.store.open_latest(collection, key) as file:
                return file.read(0, file.size)
        except (Deleted, NotStored):
            return None

    def elsewhere(self, statement: str) -> None:
        """One statement of the old application on another connection, committed."""
        with psycopg.connect(self.tables.url) as connection:
            connection.execute(self.tables._named(statement))

    def versions(self, record: Any) -> int:
        collection = self.tables.description.collection
        return len(self.plant.store.list_versions(collection, self.tables.key(record)))

    def pending(self) -> int:
        return capture_events(self.tables)

    def close(self) -> None:
        self.library.close()


@contextmanager
def syncing(
    home: Home, url: str, *, captured: bool = True, settings: dict[str, Any] | None = None,
    **tables: Any,
) -> Iterator[Syncing]:  # fmt: skip
    """Fresh tables in the database at `url`, with triggers unless not `captured`."""
    with ExitStack() as opened:
        legacy = opened.enter_context(LegacyTables(url, **tables))
        if captured:
            capture.install(legacy.connection, legacy.description)
            opened.callback(lambda: capture.remove(legacy.connection, legacy.description))
        plant = opened.enter_context(opened_plant(home.config))
        running = Syncing(home, legacy, plant, **(settings or {}))
        opened.callback(running.close)
        yield running


def write_address(home: Home, name: str, url: str) -> Path:
    folder = home.config.home / "secrets" / "legacy"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.dsn"
    file.write_text(url)
    file.chmod(0o600)
    return file


def capture_events(tables: LegacyTables) -> int:
    """How many events wait in the change log."""
    table = f'contentserver_capture."{tables.description.name}_changes"'
    row = tables.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def stop_when(condition: Any, stop: threading.Event) -> Any:
    """A `watch` that ends the slice once `condition(source, figures)` holds."""

    def watch(source: Source, figures: Figures) -> None:
        if condition(source, figures):
            stop.set()

    return watch
