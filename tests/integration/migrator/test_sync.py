"""Sync: what is in legacy comes to the disk, and so does each change, whenever it is committed."""

import threading
from typing import Any

import pytest

from migrator.models import Source
from migrator.sync.lock import SyncRuns, resting_sync, sync_lock
from tests.support.legacy import legacy_database
from tests.support.syncing import Syncing, syncing

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def legacy_url(postgres):
    with legacy_database() as url:
        yield url


@pytest.fixture
def sync(home, legacy_url):
    with syncing(home, legacy_url) as running:
        yield running


def test_backfill_brings_every_record_once(sync: Syncing):
    for number in range(60):
        sync.put(number, b"photo %d" % number)
    assert sync.run() == "done"
    assert [sync.stored(number) for number in (0, 31, 59)] == [b"photo 0", b"photo 31", b"photo 59"]
    source = sync.source
    assert (source.files_imported, source.backfill_records) == (60, 60)
    assert source.records_estimated == 60
    assert source.backfill_finished_at is not None
    assert sync.run() == "done"
    assert sync.source.files_imported == 60


def test_updates_become_versions_and_deletes_delete_markers(sync: Syncing):
    for number in range(3):
        sync.put(number, b"first")
    sync.run()
    sync.put(1, b"second")
    sync.tables.delete(2)
    sync.put(3, b"new")
    sync.run()
    assert [sync.stored(number) for number in range(4)] == [b"first", b"second", None, b"new"]
    assert sync.versions(1) == 2
    source = sync.source
    assert (source.backlog, source.oldest_change_at, sync.pending()) == (0, None, 0)
    assert source.caught_up_at is not None


def test_a_change_during_the_backfill_is_not_lost_behind_its_position(sync: Syncing):
    for number in range(300):
        sync.put(number, b"first")
    changed = threading.Event()

    def watch(source, figures):
        if figures.files > 100 and not changed.is_set():
            changed.set()
            sync.put(0, b"changed")
            sync.tables.delete(299)

    sync.run(watch=watch)
    assert changed.is_set()
    assert (sync.stored(0), sync.stored(299)) == (b"changed", None)


def test_a_transaction_that_commits_late_is_seen(sync: Syncing):
    for number in range(3):
        sync.put(number, b"first")
    sync.run()
    holders: list[dict[str, Any]] = []
    with sync.tables.connection.transaction():
        sync.put(0, b"late")
        # Its event gets a higher number and is gone before the other one can be seen.
        sync.elsewhere("UPDATE {photo} SET owner = 'somebody' WHERE id = 1")
        sync.run(watch=lambda source, figures: holders.append(figures.held_back_by))
        assert sync.stored(0) == b"first"
    sync.run()
    assert sync.stored(0) == b"late"
    assert sync.pending() == 0
    assert any(holder.get("pid") == sync.tables.connection.info.backend_pid for holder in holders)


def test_a_paused_sync_ends_and_another_mode_is_left_alone(sync: Syncing):
    sync.put(1, b"first")
    stop = threading.Event()

    def pause(_source, _figures):
        Source.objects.update(sync_enabled=False)

    assert sync.run(until_idle=False, watch=pause, stop=stop) == "done"
    Source.objects.update(mode="writeback")
    sync.put(2, b"foreign")
    assert sync.run() == "off"
    assert sync.pending() >= 1


def test_one_slice_at_a_time(sync: Syncing):
    stop = threading.Event()
    answers = []

    def watch(_source, _figures):
        answers.append(sync.run())
        stop.set()

    assert sync.run(until_idle=False, stop=stop, watch=watch) == "done"
    assert set(answers) == {"busy"}


def test_truncate_marks_everything_deleted_and_only_then_removes_its_event(sync: Syncing):
    for number in range(5):
        sync.put(number, b"first")
    sync.run()
    sync.library.put("999.jpg", b"put by a client before there was a source")
    sync.tables.truncate()
    sync.put(3, b"again")
    sync.run()
    assert [sync.stored(number) for number in (0, 3, 4, 999)] == [
        None, b"again", None, b"put by a client before there was a source",
    ]  # fmt: skip
    assert sync.pending() == 0
    assert sync.source.comparison == {}


def test_truncate_waits_for_the_catalog_that_it_asks(sync: Syncing):
    sync.put(1, b"first")
    sync.run(with_bridge=False)
    sync.tables.truncate()
    sync.run(with_bridge=False, seconds=1.5)
    # The catalog has not heard of the file yet: removing the event now would forget it.
    assert (sync.stored(1), sync.pending() > 0) == (b"first", True)
    sync.run()
    assert (sync.stored(1), sync.pending()) == (None, 0)


def test_while_a_mode_changes_no_slice_is_under_way_and_none_begins(sync: Syncing):
    sync.put(1, b"first")
    with resting_sync(sync.plant.config, sync.source):
        assert sync.run() == "busy"
        assert not sync.source.sync_enabled
    with sync_lock(sync.plant.config, sync.source.name):
        Source.objects.update(sync_enabled=True)
        with (
            pytest.raises(SyncRuns),
            resting_sync(sync.plant.config, sync.source, patience=0.2),
        ):
            pass
    assert sync.source.sync_enabled
