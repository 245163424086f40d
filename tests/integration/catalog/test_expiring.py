"""Uploads past their time: the command, beat's task, and what both leave alone."""

import json
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from contentserver import tasks
from contentserver.operations import expiring
from contentserver.operations.recovery import recover_uploads
from contentserver.runtime import open_journal
from contentserver.store.errors import Refused, UploadUnknown
from contentserver.store.metadata import Metadata
from skold.journal import Journal
from tests.support.catalog import Library
from tests.support.records import records

pytestmark = pytest.mark.django_db
LIFE = 86_400


@pytest.fixture(autouse=True)
def here(library: Library, settings) -> None:
    settings.CONFIG = library.home.config


@pytest.fixture
def journal(library: Library) -> Iterator[Journal]:
    journal = open_journal(library.home.config)
    journal.start()
    yield journal
    journal.close()


def stage(
    library: Library,
    sent: bytes = b"ab",
    *,
    aged: int = 0,
    commit_auto: bool = False,
    commit: bool = False,
) -> UUID:
    """An upload of three announced bytes, begun `aged` seconds ago."""
    environment = library.store._environment
    clock = environment.clock
    object.__setattr__(environment, "clock", lambda: clock() - aged * 1_000_000_000)
    try:
        with library.store.create_upload(
            actor="tester",
            metadata=Metadata(collection="photos", key=f"left/{aged}"),
            length=3,
            commit_auto=commit_auto,
        ) as upload:
            upload.write(sent)
            if commit:
                upload.commit(actor="tester")
    finally:
        object.__setattr__(environment, "clock", clock)
    return upload.id


def run(*options: str) -> str:
    out = StringIO()
    call_command("expire_uploads", *options, stdout=out)
    return out.getvalue()


def staged(library: Library) -> set[str]:
    return {path.name for path in (library.home.config.roots[0] / "staging").iterdir()}


def test_a_dry_run_names_what_is_due_and_touches_nothing(library: Library) -> None:
    overdue, young = stage(library, aged=LIFE + 60), stage(library)
    before = len(records(library.home))
    document = json.loads(run("--dry-run", "--json"))
    assert [upload["id"] for upload in document["uploads"]] == [str(overdue)]
    assert (document["dry_run"], document["removed"], document["committed"]) == (True, 1, 0)
    (upload,) = document["uploads"]
    assert (upload["client"], upload["collection"]) == ("tester", "photos")
    assert (upload["offset"], upload["length"]) == (2, 3)
    assert "left" not in json.dumps(document), "keys of files name persons"
    assert str(overdue) in run("--dry-run")
    assert staged(library) == {str(overdue), str(young)}
    assert len(records(library.home)) == before


def test_it_removes_what_is_due_and_records_that_it_was_done(library: Library) -> None:
    overdue, young = stage(library, aged=LIFE + 60), stage(library)
    document = json.loads(run("--json"))
    assert (document["removed"], document["uploads"][0]["id"]) == (1, str(overdue))
    assert staged(library) == {str(young)}
    asked, done = (one for one in records(library.home) if one["kind"] in {"req", "done"})
    assert (asked["action"], asked["resource"]) == ("administer", "uploads")
    assert (done["ref"], done["outcome"]) == (asked["n"], "served")


def test_what_was_to_commit_itself_is_committed_and_not_removed(library: Library) -> None:
    upload = stage(library, b"abc", aged=LIFE + 60, commit_auto=True)
    assert json.loads(run("--dry-run", "--json"))["committed"] == 1
    document = json.loads(run("--json"))
    assert (document["committed"], document["uploads"]) == (1, [])
    assert library.store.list_versions("photos", f"left/{LIFE + 60}")[0].size == 3
    recorded = [record for record in records(library.home) if record.get("upload")]
    assert [record["upload"] for record in recorded] == [str(upload)]


def test_one_that_is_being_sent_to_is_left_alone(library: Library) -> None:
    overdue = stage(library, aged=LIFE - 5)
    with library.store.open_upload(overdue):
        outcome = expiring.expire_due(library.home.config, actor="beat")
    assert outcome.uploads == []
    assert staged(library) == {str(overdue)}


def test_beats_task_does_the_same(library: Library) -> None:
    stage(library, aged=LIFE + 60)
    assert tasks.expire_uploads() == "recovered 0, expired 1"
    assert staged(library) == set()


def test_beats_task_opens_no_journal_where_nothing_is_to_be_recorded(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would be a segment of 64 MiB, each quarter of an hour."""
    stage(library)
    stage(library, b"abc", aged=LIFE + 60, commit=True)
    monkeypatch.setattr(
        expiring.runtime, "open_journal", lambda config: pytest.fail("opened a journal")
    )
    assert tasks.expire_uploads() == "recovered 0, expired 1", "the receipt"
    assert tasks.expire_uploads() == "recovered 0, expired 0"


def test_one_upload_is_ended_whatever_its_time(library: Library) -> None:
    unwanted, other = stage(library), stage(library)
    document = json.loads(run("--upload", str(unwanted), "--json"))
    assert [upload["id"] for upload in document["uploads"]] == [str(unwanted)]
    assert staged(library) == {str(other)}
    asked = [record for record in records(library.home) if record["kind"] == "req"]
    assert asked[-1]["resource"] == f"upload:{unwanted}"


def test_a_committed_upload_keeps_its_receipt(library: Library) -> None:
    upload = stage(library, b"abc", commit=True)
    with pytest.raises(CommandError, match=r"no upload .* is in progress"):
        run("--upload", str(upload))
    assert library.store.find_receipt(upload) is not None


def test_its_help_shows_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("expire_uploads", "--help")
    assert "manage.py expire_uploads --dry-run --json" in capsys.readouterr().out


def test_a_refusal_by_recovery_is_recorded_once(library: Library, journal: Journal) -> None:
    def refuse(metadata: Metadata, data: Iterable[bytes]) -> None:
        raise Refused("ClamAV found Something")

    object.__setattr__(library.store._environment, "check", refuse)
    upload = stage(library, b"abc", commit_auto=True)
    for _ in range(2):
        assert recover_uploads(actor="bridge", store=library.store, journal=journal) == []
    found = [record for record in records(library.home) if record.get("upload") == str(upload)]
    assert [record["action"] for record in found] == ["commit"]
    ended = [record for record in records(library.home) if record.get("ref") == found[0]["n"]]
    assert [(e["status"], e["outcome"], e["reason"]) for e in ended if e["kind"] == "done"] == [
        (422, "check_refused", "ClamAV found Something")
    ]


def test_a_dead_folder_stops_nobody(library: Library) -> None:
    root: Path = library.home.config.roots[0]
    broken = root / "staging" / "00000000-0000-4000-8000-000000000000"
    broken.mkdir()
    (broken / "info").write_bytes(b"SKU1rubbish")
    overdue = stage(library, aged=LIFE + 60)
    assert json.loads(run("--json"))["removed"] == 1
    with pytest.raises(UploadUnknown):
        library.store.open_upload(overdue)
    assert library.store.survey_staging().unreadable == 1
