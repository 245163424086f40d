"""The importer's rule: what becomes of a legacy record, and of the events that told of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from contentserver.store import fileops
from contentserver.store.errors import NoSpace, UploadLocked
from contentserver.store.metadata import Metadata
from migrator.legacy.changes import ChangeLog
from migrator.outcomes import Outcome
from skold.journal import JournalUnavailable
from tests.support.legacy import WHEN
from tests.support.moving import Moving, by_key, moving
from tests.support.stores import COLLECTION, put
from tests.support.tombstones import bury

CONTENT = os.urandom(120_000)


@pytest.fixture
def here(tmp_path: Path, legacy_url: str) -> Iterator[Moving]:
    with moving(tmp_path, legacy_url) as made:
        yield made


def test_a_file_comes_with_its_facts_into_the_year_of_its_time(here: Moving) -> None:
    here.tables.put(7, CONTENT, filename="Anna.jpg")
    outcome = here.bring_one(7)
    assert (outcome.what, str(outcome.version), outcome.size) == ("imported", "2019.1", 120_000)
    assert here.stored(7) == CONTENT
    with here.store.open_latest(COLLECTION, "7.jpg") as stored:
        facts = stored.metadata
    assert facts == Metadata(
        collection=COLLECTION,
        key="7.jpg",
        media_type="image/jpeg",
        filename="Anna.jpg",
        sha256=facts.sha256,
        created_by="migrator",
        on_behalf_of="registry",
        original_time="2019-05-04T03:02:01.123456Z",
        source=f"{here.tables.description.name}:7",
    )
    assert here.pending() == set()


def test_the_state_of_now_is_imported_not_that_of_the_event(here: Moving) -> None:
    here.tables.put(7, b"first")
    assert here.bring_one(7).what == "imported"
    here.tables.put(7, b"second")
    here.tables.put(7, b"third")
    assert here.bring_one(7).what == "imported"
    assert here.stored(7) == b"third"
    assert len(here.versions(7)) == 2
    assert here.pending() == set()


def test_what_stands_already_makes_no_version(here: Moving) -> None:
    here.tables.put(7, CONTENT)
    here.bring_one(7)
    here.tables.update(7, owner="another office")
    assert here.pending() == {("7",)}
    assert here.bring_one(7).what == "same"
    assert here.versions(7) == ["2019.1"]
    assert here.pending() == set()


def test_a_deleted_record_leaves_a_delete_marker_once(here: Moving) -> None:
    here.tables.put(7, CONTENT)
    here.bring_one(7)
    here.tables.delete(7)
    assert here.bring_one(7).what == "deleted"
    assert here.bring_one(7).what == "absent"
    assert here.versions(7) == ["2019.1", "2026.1-"]
    assert here.pending() == set()
    here.tables.put(7, b"back again")
    assert here.bring_one(7).what == "imported"
    assert here.stored(7) == b"back again"


def test_what_never_was_is_absent_and_its_events_go(here: Moving) -> None:
    here.tables.put(7, CONTENT)
    here.tables.delete(7)
    assert here.bring_one(7) == Outcome(("7",), "7.jpg", "absent")
    assert here.pending() == set()


def test_only_missing_leaves_every_version_alone_and_its_events_pending(here: Moving) -> None:
    here.tables.put(1, b"one")
    here.tables.put(2, b"two")
    here.tables.put(3, b"three")
    here.bring(1, 2)
    here.tables.put(1, b"one, newer")
    here.tables.delete(2)
    here.bring_one(2)
    here.tables.put(2, b"two, back")
    outcomes = here.bring(1, 2, 3, 4, only_missing=True)
    assert [one.what for one in outcomes] == ["stands", "stands", "imported", "absent"]
    assert here.stored(1) == b"one"
    assert here.versions(2)[-1].endswith("-")
    assert here.pending() == {("1",), ("2",)}


def test_a_record_that_fails_says_why_and_stays_pending_and_stops_no_other(here: Moving) -> None:
    here.tables.put(1, CONTENT)
    here.tables.put(2, CONTENT)
    here.tables.put(3, CONTENT, changed_at=WHEN.replace(year=2018))
    here.tables.put(4, CONTENT)
    here.tables.execute("DELETE FROM {chunk} WHERE photo_id = 2 AND n = 1")
    outcomes = here.bring(1, 2, 3, 4)
    assert [one.what for one in outcomes] == ["imported", "failed", "failed", "imported"]
    assert [one.error_name for one in outcomes[1:3]] == ["chunk_missing", "implausible_time"]
    assert here.pending() == {("2",), ("3",)}
    assert here.versions(2) == here.versions(3) == []


def test_files_of_an_erased_subject_do_not_come_back(tmp_path: Path, legacy_url: str) -> None:
    with moving(tmp_path, legacy_url, subject_of=by_key) as here:
        here.tables.put(1, CONTENT)
        here.bring_one(1)
        with here.store.open_latest(COLLECTION, "1.jpg") as stored:
            erasure_id = stored.header.erasure_id
        bury(here.machine.keys(), erasure_id)
        here.tables.put(1, b"again")
        assert here.again().bring_one(1).what == "erased"
        here.tables.delete(1)
        assert here.again().bring_one(1).what == "erased"
        assert here.pending() == set()
        assert len(list(here.store.iter_stored())) == 1


def test_a_long_file_comes_in_pieces(here: Moving) -> None:
    content = os.urandom(1 << 20) * 20
    here.tables.put(1, b"short")
    here.tables.put(2, content)
    assert [one.what for one in here.bring(1, 2)] == ["imported", "imported"]
    assert here.stored(2) == content


def test_who_cannot_have_the_record_says_so_and_touches_nothing(here: Moving) -> None:
    here.tables.put(1, b"one")
    here.tables.put(2, b"two")
    name = (COLLECTION, "1.jpg", here.tables.description.name)
    with here.store.imports.hold(*name, patience=1.0):
        assert [one.what for one in here.bring(1, 2)] == ["busy", "imported"]
        with pytest.raises(UploadLocked), here.store.imports.hold(*name, patience=0.0):
            pass
    assert here.pending() == {("1",)}


def test_every_import_is_in_the_audit_before_and_after(here: Moving) -> None:
    here.tables.put(1, CONTENT)
    here.tables.put(2, b"two")
    here.bring(1, 2)
    here.tables.delete(2)
    here.bring_one(2)
    audit = here.audit()
    assert [fields["kind"] for fields in audit] == ["req", "req", "done", "done", "req", "done"]
    assert [fields.get("action") for fields in audit if fields["kind"] == "req"] == [
        *("commit", "commit", "delete")
    ]
    ends = [(f["outcome"], f["version"], f["bytes"]) for f in audit if f["kind"] == "done"]
    assert ends == [
        ("imported", "2019.1", 120_000),
        ("imported", "2019.1", 3),
        ("deleted", "2026.1", 0),
    ]
    request = audit[0]
    assert (request["plane"], request["reason"], request["client"], request["resource"]) == (
        *("migrator", "import", "migrator"),
        here.tables.description.name,
    )


def test_without_a_journal_nothing_is_linked(here: Moving) -> None:
    here.tables.put(1, CONTENT)
    here.journal.close()
    with pytest.raises(JournalUnavailable):
        here.bring_one(1)
    assert here.versions(1) == []
    assert here.pending() == {("1",)}


def test_a_full_disk_is_everybodys_and_keeps_every_event(
    here: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.tables.put(1, CONTENT)
    here.tables.put(2, CONTENT)
    commit = here.store.imports.commit

    def full(drafts):
        return [*commit(drafts[:1]), NoSpace("no room")]

    monkeypatch.setattr(here.store.imports, "commit", full)
    with pytest.raises(NoSpace):
        here.bring(1, 2)
    assert here.pending() == {("2",)}, "what was committed is done with"
    assert [f["outcome"] for f in here.audit() if f["kind"] == "done"] == ["imported", "failed"]


def test_a_lost_database_is_everybodys(here: Moving) -> None:
    here.tables.put(1, CONTENT)
    here.connection.close()
    with pytest.raises(psycopg.OperationalError):
        here.bring_one(1)


def test_no_transaction_may_be_open(here: Moving) -> None:
    with here.connection.transaction(), pytest.raises(ValueError, match="transaction"):
        here.bring_one(1)


def test_a_source_without_a_change_log_can_be_imported(tmp_path: Path, legacy_url: str) -> None:
    with moving(tmp_path, legacy_url, captured=False) as here:
        here.tables.put(1, CONTENT)
        assert here.bring_one(1, only_missing=True).what == "imported"


def test_a_version_that_comes_between_is_seen_and_legacy_is_read_again(
    here: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.tables.put(1, b"legacy")
    begin = here.store.imports.begin
    between = [b"a", b"b"]

    def outrun(metadata, standing):
        if between:
            put(here.store, between.pop(), key="1.jpg")
        return begin(metadata, standing)

    monkeypatch.setattr(here.store.imports, "begin", outrun)
    assert here.bring_one(1).what == "imported"
    assert here.stored(1) == b"legacy"
    assert here.versions(1) == ["2026.1", "2026.2", "2026.3"]


def test_one_who_is_always_outrun_gives_up(here: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    here.tables.put(1, b"legacy")
    begin = here.store.imports.begin

    def outrun(metadata, standing):
        put(here.store, os.urandom(8), key="1.jpg")
        return begin(metadata, standing)

    monkeypatch.setattr(here.store.imports, "begin", outrun)
    outcome = here.bring_one(1)
    assert (outcome.what, outcome.error_name) == ("busy", "latest_changed")
    assert here.pending() == {("1",)}


def test_a_marker_that_stands_is_made_durable_before_its_events_go(
    here: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever linked it may have died before the flush: then only the events still tell of it."""
    here.tables.put(1, CONTENT)
    here.bring_one(1)
    here.tables.delete(1)
    here.bring_one(1)
    here.tables.put(1, CONTENT)
    here.tables.delete(1)
    steps: list[str] = []
    monkeypatch.setattr(fileops, "step_hook", steps.append)
    monkeypatch.setattr(ChangeLog, "remove", lambda log, ids: steps.append(f"remove {len(ids)}"))
    here.bring_one(1)
    assert steps.index("sync_slot_dir!") < steps.index(f"remove {len(here.events(1))}")
