"""Sync where no trigger tells of all changes, at the hours and the rate that were allowed."""

import datetime as dt
import threading

import psycopg
import pytest

from migrator.legacy.horizon import snapshot_bounds
from migrator.models import Source
from migrator.sync.connecting import SyncConnection
from tests.support.legacy import legacy_database
from tests.support.servers import running_postgres
from tests.support.syncing import NOW, FakeClock, syncing

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def legacy_url(postgres):
    with legacy_database() as url:
        yield url


@pytest.fixture(scope="module")
def legacy_server(tmp_path_factory):
    """A server of its own, to be stopped and killed, that loses no commit by it."""
    settings = {"max_prepared_transactions": "2", "synchronous_commit": "on"}
    with running_postgres(tmp_path_factory.mktemp("pg"), **settings) as server:
        yield server


@pytest.fixture
def clock():
    return FakeClock()


LATER = NOW + dt.timedelta(seconds=5)


@pytest.mark.parametrize("by", ["changed_at", "digest", "content"])
def test_a_comparison_finds_changed_new_and_vanished_records(home, legacy_url, clock, by):
    kind = "sha256" if by == "digest" else None
    settings = {"capture": "comparison", "compare_each": 60}
    with syncing(home, legacy_url, captured=False, settings=settings, digest_kind=kind) as sync:
        if by != "changed_at":
            description = sync.source.description
            del description["records"]["changed_at"]
            Source.objects.update(description=description)
        for number in range(4):
            sync.put(number, b"first")
        sync.run(clock=clock)
        sync.put(1, b"other", changed_at=LATER)
        sync.tables.delete(2)
        sync.put(7, b"new")
        clock.move(30)
        sync.run(clock=clock)
        assert sync.stored(7) is None
        clock.move(31)
        sync.run(clock=clock)
        assert [sync.stored(number) for number in (0, 1, 2, 3, 7)] == [
            b"first", b"other", None, b"first", b"new",
        ]  # fmt: skip
        assert [sync.versions(number) for number in (0, 1, 2)] == [1, 2, 2]
        assert sync.source.compared_at == clock.now()


def test_a_comparison_goes_on_where_it_was_cut_off(home, legacy_url, clock, monkeypatch):
    monkeypatch.setattr("migrator.sync.comparison.PAGE", 3)
    settings = {"capture": "comparison", "compare_each": 60}
    with syncing(home, legacy_url, captured=False, settings=settings) as sync:
        for number in range(10):
            sync.put(number, b"first")
        sync.run(clock=clock)
        sync.put(9, b"other", changed_at=LATER)
        sync.tables.delete(0)
        clock.move(61)
        slices = 0
        while sync.source.compared_at is None:
            slices += 1
            before, stop = sync.source.comparison, threading.Event()

            def end_after_a_page(source, _figures, before=before, stop=stop):
                if source.comparison != before:
                    stop.set()

            assert sync.run(clock=clock, stop=stop, watch=end_after_a_page) == "done"
            assert slices < 30
        assert slices > 4
        assert (sync.stored(0), sync.stored(9)) == (None, b"other")
        assert {sync.versions(number) for number in range(1, 9)} == {1}


def test_large_objects_are_compared_by_content_as_well(home, legacy_url, clock):
    kind = {"kind": "large_object", "codec": "none"}
    with syncing(home, legacy_url, settings={"compare_each": 60}, **kind) as sync:
        sync.put(1, b"first", digest=None)
        sync.run(clock=clock)
        # Fires no trigger, changes no row.
        sync.tables.execute("SELECT lo_put(data, 0, 'F') FROM {photo}")
        assert sync.pending() == 0
        clock.move(61)
        sync.run(clock=clock)
        assert sync.stored(1) == b"First"


# The cluster's oldest transaction counts, whatever its database: the test's own must not be open.
@pytest.mark.django_db(transaction=True)
def test_an_appended_record_is_read_once_all_before_it_have_ended(home, legacy_url):
    settings = {"capture": "xid", "xid_column": "tx"}
    with syncing(home, legacy_url, captured=False, settings=settings) as sync:
        sync.tables.execute("ALTER TABLE {photo} ADD COLUMN tx xid8")
        sync.put(1, b"before the column had a default")
        sync.tables.execute("ALTER TABLE {photo} ALTER tx SET DEFAULT pg_current_xact_id()")
        sync.run()
        with sync.tables.connection.transaction():
            sync.put(2, b"late")
            columns = "changed_at, mime, size"
            sync.elsewhere(
                f"INSERT INTO {{photo}} (id, {columns}) SELECT 3, {columns} FROM {{photo}} "
                "WHERE id = 1"
            )
            sync.run()
            assert sync.stored(3) is None
            position = int(sync.source.xid_position["xid"])
        sync.run()
        assert (sync.stored(1), sync.stored(2)) == (b"before the column had a default", b"late")
        assert sync.source.errors.get().record == ["3"]
        assert position <= int(sync.source.xid_position["xid"])
        assert int(sync.source.xid_position["xid"]) <= snapshot_bounds(sync.tables.connection)[1]


@pytest.mark.django_db(transaction=True)
def test_many_records_of_one_transaction_come_page_by_page(home, legacy_url, monkeypatch):
    monkeypatch.setattr("migrator.sync.appended.PAGE", 4)
    settings = {"capture": "xid", "xid_column": "tx"}
    with syncing(home, legacy_url, captured=False, settings=settings) as sync:
        sync.tables.execute("ALTER TABLE {photo} ADD COLUMN tx xid8 DEFAULT pg_current_xact_id()")
        sync.run()
        with sync.tables.connection.transaction():
            for number in range(11):
                sync.put(number, b"together")
        sync.run()
        assert {sync.stored(number) for number in range(11)} == {b"together"}


def test_in_quiet_hours_changes_go_on_and_backfill_rests(home, legacy_url):
    clock = FakeClock(NOW.replace(hour=8, minute=0))
    quiet = {"quiet_from": dt.time(7), "quiet_to": dt.time(19)}
    with syncing(home, legacy_url, settings=quiet) as sync:
        sync.put(1, b"old")
        sync.tables.execute(f'DELETE FROM contentserver_capture."{sync.source.name}_changes"')
        sync.put(2, b"changed")
        sync.run(clock=clock)
        assert (sync.stored(1), sync.stored(2)) == (None, b"changed")
        clock.move(11.5 * 3600)
        sync.run(clock=clock)
        assert sync.stored(1) == b"old"


def test_backfill_keeps_to_the_rate_that_was_allowed(home, legacy_url, clock):
    with syncing(home, legacy_url, settings={"max_rate": 50_000}) as sync:
        for number in range(300):
            sync.put(number, b"x" * 1000)
        sync.tables.execute(f'DELETE FROM contentserver_capture."{sync.source.name}_changes"')
        sync.run(clock=clock, watch=lambda _source, _figures: clock.move(0.25))
        assert sync.source.files_imported == 300
        # A second's worth was there at the beginning, and two hands may overdraw by one piece.
        assert clock.seconds >= (300_000 - 50_000 - 2 * 64_000) / 50_000


def test_a_prepared_transaction_is_waited_for_and_named(home, legacy_server):
    with syncing(home, legacy_server.url) as sync:
        sync.put(1, b"first")
        sync.run()
        writer = sync.tables.connection
        writer.execute("BEGIN")
        sync.put(1, b"prepared")
        writer.execute("PREPARE TRANSACTION 'at the bank'")
        sync.run()
        assert sync.stored(1) == b"first"
        assert sync.source.held_back_by["gid"] == "at the bank"
        writer.execute("COMMIT PREPARED 'at the bank'")
        sync.run()
        assert sync.stored(1) == b"prepared"
        assert sync.source.held_back_by == {}


def test_a_server_that_hangs_holds_no_slice_for_ever(home, legacy_server, monkeypatch):
    monkeypatch.setattr(SyncConnection, "limit", 0.5)
    with syncing(home, legacy_server.url) as sync:
        sync.put(1, b"first")
        try:
            ended = sync.run(
                until_idle=False, watch=lambda _source, _figures: legacy_server.freeze()
            )
        finally:
            legacy_server.thaw()
        assert ended == "failed"
        assert "did not answer within" in sync.source.last_error


def test_a_server_that_stops_in_the_middle_is_a_sentence_and_the_next_slice_goes_on(
    home, legacy_server
):
    with syncing(home, legacy_server.url) as sync:
        for number in range(200):
            sync.put(number, b"first")
        killed = []

        def kill(_source, figures):
            if figures.files and not killed:
                killed.append(figures.files)
                legacy_server.kill()

        assert sync.run(watch=kill) == "failed"
        assert sync.source.last_error.startswith("The legacy database does not answer")
        legacy_server.start()
        sync.tables.connection = psycopg.connect(legacy_server.url, autocommit=True)
        assert sync.run() == "done"
        assert sync.source.last_error == ""
        assert {sync.stored(number) for number in range(200)} == {b"first"}
        assert {sync.versions(number) for number in range(200)} == {1}
