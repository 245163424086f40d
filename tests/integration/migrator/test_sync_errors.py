"""Records that fail are noted, rest, and are tried again; a database that is away is a sentence."""

import datetime as dt

import pytest

from migrator.models import RecordError, Source
from migrator.services.failures import wait_after
from tests.support.legacy import legacy_database
from tests.support.syncing import Syncing, syncing, write_address

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def legacy_url(postgres):
    with legacy_database() as url:
        yield url


@pytest.fixture
def sync(home, legacy_url):
    with syncing(home, legacy_url) as running:
        yield running


def test_a_broken_record_is_noted_once_and_the_others_come(sync: Syncing):
    for number in range(4):
        sync.put(number, b"good")
    sync.tables.put_chunks(2, [b"no zlib at all"])
    sync.run()
    assert [sync.stored(number) for number in range(4)] == [b"good", b"good", None, b"good"]
    error = RecordError.objects.get()
    # Once by backfill, once because of its change; the order is theirs.
    assert (error.record, error.key, error.tries <= 2) == (["2"], "2.jpg", True)
    assert error.error == "unreadable"
    assert error.retry_at - error.last_at <= wait_after(error.tries)
    sync.run()
    assert RecordError.objects.get().tries == error.tries
    assert sync.source.backfill_finished_at is not None
    # What failed stays pending: in hybrid mode legacy answers for it.
    assert sync.pending() > 0


def test_a_record_that_is_due_is_tried_again_and_forgotten_when_it_can_be_read(sync: Syncing):
    sync.put(1, b"good")
    sync.run()
    sync.tables.put_chunks(1, [b"torn"])
    sync.run()
    assert sync.stored(1) == b"good"
    RecordError.objects.update(retry_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    sync.run()
    again = RecordError.objects.get()
    assert again.tries == 2
    assert again.retry_at - again.last_at == dt.timedelta(minutes=2)
    # Mended: a change that the failed tries did not know of is worth a try at once.
    sync.put(1, b"mended")
    sync.run()
    assert sync.stored(1) == b"mended"
    assert not RecordError.objects.exists()
    assert sync.pending() == 0


def test_more_broken_records_than_a_page_hold_up_no_change(sync: Syncing, monkeypatch):
    monkeypatch.setattr("migrator.sync.changes.PAGE", 5)
    sync.run()
    for number in range(8):
        sync.put(number, b"good")
        sync.tables.put_chunks(number, [b"broken"])
    sync.put(100, b"good")
    sync.run()
    assert sync.stored(100) == b"good"
    assert RecordError.objects.count() == 8


def test_truncate_keeps_its_event_while_a_stored_file_may_be_older_than_legacy(sync: Syncing):
    sync.put(1, b"good")
    sync.run()
    sync.library.carry()
    sync.tables.execute("TRUNCATE {chunk}")
    sync.run(seconds=3)
    assert RecordError.objects.get().error == "empty"
    assert sync.pending() == 1
    sync.put(1, b"good again")
    sync.run(seconds=3)
    assert sync.stored(1) == b"good again"


def test_waiting_doubles_up_to_a_day():
    assert [wait_after(tries).total_seconds() / 60 for tries in (1, 2, 3, 11, 12, 500)] == [
        1, 2, 4, 1024, 1440, 1440,
    ]  # fmt: skip


def test_a_database_that_is_away_is_a_sentence_without_its_password(sync: Syncing, tmp_path):
    sync.put(1, b"good")
    url = f"host={tmp_path} dbname=x password=hidden-word"
    write_address(sync.home, sync.source.name, url)
    assert sync.run() == "failed"
    said = sync.source.last_error
    assert said.startswith("The legacy database does not answer")
    assert "hidden-word" not in said
    write_address(sync.home, sync.source.name, "nonsense hidden-word")
    assert sync.run() == "failed"
    assert "hidden-word" not in sync.source.last_error
    write_address(sync.home, sync.source.name, sync.tables.url)
    assert sync.run() == "done"
    assert (sync.source.last_error, sync.stored(1)) == ("", b"good")


def test_without_triggers_nothing_begins_and_a_comparison_follows_when_they_are_back(sync: Syncing):
    sync.put(1, b"first")
    sync.run()
    sync.library.carry()
    sync.tables.execute("ALTER TABLE {photo} DISABLE TRIGGER ALL")
    sync.tables.execute("ALTER TABLE {chunk} DISABLE TRIGGER ALL")
    sync.put(1, b"unseen")
    assert sync.run() == "failed"
    assert "legacy_capture install" in sync.source.last_error
    from migrator.legacy import capture

    capture.install(sync.tables.connection, sync.tables.description)
    assert sync.run() == "done"
    assert sync.stored(1) == b"unseen"
    assert Source.objects.get().compared_at is not None


def test_when_nothing_works_it_stops_and_says_so_instead_of_noting_millions(
    sync: Syncing, monkeypatch
):
    for name in ("book", "conductor"):
        monkeypatch.setattr(f"migrator.sync.{name}.TOO_MANY", 20)
    for number in range(300):
        sync.put(number, b"good")
    description = sync.source.description
    description["content"]["codec"] = "gzip"
    Source.objects.update(description=description)
    assert sync.run() == "failed"
    assert sync.source.last_error.startswith("20 records in a row cannot be imported")
    assert 20 <= RecordError.objects.count() < 300
    description["content"]["codec"] = "zlib"
    Source.objects.update(description=description)
    RecordError.objects.update(retry_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    assert sync.run() == "done"
    assert (sync.source.last_error, RecordError.objects.count()) == ("", 0)
    assert sync.stored(299) == b"good"
