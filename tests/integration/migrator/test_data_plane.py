"""A data plane before a real legacy database: nobody notices that files are being moved."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg

from contentserver import runtime
from migrator.importing import Importer
from migrator.legacy import capture
from migrator.legacy.changes import ChangeLog
from tests.support.falling_back import put, source
from tests.support.legacy import LegacyTables, legacy_database
from tests.support.plane import DataPlane, replaced_environment
from tests.support.records import pairs
from tests.support.servers import TestPostgres

PHOTO, NEWER = os.urandom(120_000), os.urandom(130_000)


@contextmanager
def serving(
    folder: Path, url: str, mode: str = "hybrid"
) -> Iterator[tuple[DataPlane, LegacyTables]]:
    """A data plane whose collection "photos" is a source in this mode, all of it compared."""
    plane = DataPlane(folder / "home", LEGACY_PHOTOS_DSN=url)
    with LegacyTables(url) as tables:
        capture.install(tables.connection, tables.description)
        plane.policy["attached"] = {
            "sources": [source(tables, mode=mode, shadow_share=100)],
            "addresses": [],
        }
        plane.publish_policy()
        try:
            yield plane.start(), tables
        finally:
            plane.close()
            if not tables.connection.closed:
                capture.remove(tables.connection, tables.description)


@contextmanager
def syncing(plane: DataPlane, tables: LegacyTables) -> Iterator[None]:
    """Changes are brought to the disk as they come, by the importer that sync uses."""
    ended = threading.Event()
    with replaced_environment(plane.environment):
        keyset = runtime.data_keyset(plane.config)
        store = runtime.open_store(plane.config, keyset, runtime.layout_file(plane.config, keyset))
        journal = runtime.open_journal(plane.config)
        journal.start()
    importer = Importer(store, journal, tables.description, subject_of=lambda *_: None)

    def sync() -> None:
        with psycopg.connect(tables.url, autocommit=True) as connection:
            log = ChangeLog(connection, "photos")
            while not ended.is_set():
                ids = list(log.note_batch(100))
                importer.bring(connection, ids, only_missing=False)
                time.sleep(0.002)

    thread = threading.Thread(target=sync)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        journal.close()
        store.close()


def get(plane: DataPlane, key: str) -> httpx.Response:
    return plane.http.get(f"/v1/content/photos/{key}")


def mapped(plane: DataPlane) -> str:
    """The libraries of the server's process."""
    assert plane.process is not None
    return Path(f"/proc/{plane.process.pid}/maps").read_text()


def outcome(plane: DataPlane, answer: httpx.Response) -> str:
    return str(pairs(plane, answer.headers["x-request-id"])[1][0]["outcome"])


def test_a_file_moves_while_it_is_read(legacy_url: str, tmp_path: Path) -> None:
    with serving(tmp_path, legacy_url) as (plane, tables):
        assert "libpq" in mapped(plane)
        put(tables, 7, PHOTO)
        waiting = get(plane, "7.jpg")
        assert (waiting.content, outcome(plane, waiting)) == (PHOTO, "from_legacy")
        with syncing(plane, tables):
            deadline = time.monotonic() + 10
            while outcome(plane, moved := get(plane, "7.jpg")) != "served":
                assert time.monotonic() < deadline
        assert moved.content == PHOTO
        tables.execute("TRUNCATE contentserver_capture.photos_changes")
        put(tables, 8, NEWER, filename="Åsa.jpg")
        tables.execute("TRUNCATE contentserver_capture.photos_changes")  # as if put long before
        missed = get(plane, "8.jpg")
        assert (missed.content, outcome(plane, missed)) == (NEWER, "imported")
        assert missed.headers["x-imported"] == "true"
        assert outcome(plane, get(plane, "8.jpg")) == "served"
        assert get(plane, "9.jpg").status_code == 404
        tables.delete(8)
        assert get(plane, "8.jpg").status_code == 404, "deleted in legacy, and not told here yet"
        with syncing(plane, tables):
            deadline = time.monotonic() + 10
            while get(plane, "8.jpg").status_code != 410:
                assert time.monotonic() < deadline


def test_no_read_is_older_than_legacy(legacy_url: str, tmp_path: Path) -> None:
    """An application writes, sync moves, four readers read: each gets at least what was committed
    before it asked.
    """
    committed, ended, wrong = [0], threading.Event(), []

    def read(plane: DataPlane) -> None:
        with plane.client(plane.api_key) as http:
            while not ended.is_set():
                before = committed[0]
                answer = http.get("/v1/content/photos/1.jpg")
                if answer.status_code != 200 or int(answer.content[:10]) < before:
                    wrong.append((before, answer.status_code, answer.content[:10]))
                outcomes.add("x-version" in answer.headers)

    outcomes: set[bool] = set()
    with serving(tmp_path, legacy_url) as (plane, tables):
        put(tables, 1, b"%010d" % 0)
        readers = [threading.Thread(target=read, args=(plane,)) for _ in range(4)]
        with syncing(plane, tables):
            for reader in readers:
                reader.start()
            begun = time.monotonic()
            while time.monotonic() < begun + (4 if len(outcomes) == 2 else 60):
                put(tables, 1, b"%010d" % (committed[0] + 1))
                committed[0] += 1
                time.sleep(0.01)
            ended.set()
            for reader in readers:
                reader.join()
    assert wrong == []
    assert committed[0] > 20
    assert outcomes == {True, False}, "both the disk and legacy had a part in it"


def test_in_shadow_what_was_moved_is_compared(legacy_url: str, tmp_path: Path) -> None:
    def compared(key: str) -> str:
        answer = get(plane, key)
        assert answer.headers["etag"].startswith('"legacy-')
        request_id = answer.headers["x-request-id"]
        return str(pairs(plane, f"{request_id}:compare")[1][0]["outcome"])

    with serving(tmp_path, legacy_url, "shadow") as (plane, tables):
        put(tables, 7, PHOTO)
        assert compared("7.jpg") == "pending"
        with syncing(plane, tables):
            deadline = time.monotonic() + 10
            while compared("7.jpg") != "same":
                assert time.monotonic() < deadline
        tables.execute("ALTER TABLE {chunk} DISABLE TRIGGER ALL")
        tables.execute("ALTER TABLE {photo} DISABLE TRIGGER ALL")
        put(tables, 7, NEWER)
        assert compared("7.jpg") == "different", "a change that no trigger told of"


def test_legacy_away_what_was_moved_is_served_and_nothing_is_denied(
    own_postgres: TestPostgres, tmp_path: Path
) -> None:
    with (
        legacy_database(own_postgres.url) as url,
        serving(tmp_path, url) as (plane, tables),
    ):
        put(tables, 7, PHOTO)
        tables.execute("TRUNCATE contentserver_capture.photos_changes")
        assert get(plane, "7.jpg").content == PHOTO
        own_postgres.freeze()
        try:
            began = time.monotonic()
            moved, missing = get(plane, "7.jpg"), get(plane, "8.jpg")
            assert time.monotonic() - began < 10
            assert (moved.content, moved.headers["x-unchecked"]) == (PHOTO, "true")
            assert outcome(plane, moved) == "unchecked"
            assert (missing.status_code, missing.headers["retry-after"]) == (503, "2")
            began = time.monotonic()
            assert get(plane, "7.jpg").content == PHOTO
            assert time.monotonic() - began < 0.5, "a database that hangs is not asked again"
            breaker = 'contentserver_legacy_breaker_open{source="photos"} 1.0'
            assert breaker in plane.http.get("/metrics").text
        finally:
            own_postgres.thaw()
        deadline = time.monotonic() + 20
        while "x-unchecked" in get(plane, "7.jpg").headers:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert get(plane, "8.jpg").status_code == 404


def test_without_sources_nothing_of_the_migrator_is_loaded(tmp_path: Path) -> None:
    plane = DataPlane(tmp_path / "home")
    try:
        plane.start()
        assert plane.http.get("/v1/content/photos/1.jpg").status_code == 404
        assert "libpq" not in mapped(plane)
    finally:
        plane.close()
