"""legacy_check and legacy_capture: what they find, show, and do to the legacy database."""

import json
import threading

import psycopg
import pytest
from django.core.management import CommandError, call_command

from contentserver.catalog.models import Collection, Year
from migrator.models import Source
from migrator.services import capturing
from tests.support.legacy import WHEN, legacy_database
from tests.support.syncing import NOW, Syncing, syncing, write_address

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def legacy_url(postgres):
    with legacy_database() as url:
        yield url


@pytest.fixture
def sync(home, legacy_url, settings):
    settings.CONFIG = home.config
    with syncing(home, legacy_url, captured=False) as running:
        Year.objects.create(year=NOW.year, root="root-1", state="open", layout_number=1)
        yield running


@pytest.fixture
def triggers(sync):
    yield
    call_command("legacy_capture", "remove", "photos", "--yes")


def checked(capsys):
    """Whether the source is fit, and the findings by name."""
    capsys.readouterr()
    try:
        call_command("legacy_check", "photos", "--json")
        fit = True
    except CommandError:
        fit = False
    found = json.loads(capsys.readouterr().out)
    return fit, {finding["name"]: finding for finding in found}


def test_a_source_that_is_fit(sync: Syncing, capsys):
    sync.put(1, b"good")
    fit, found = checked(capsys)
    assert fit, found
    assert "legacy_capture install photos" in found["capture_absent"]["way_out"]


def test_years_that_are_not_open_are_named_with_the_way_out(sync: Syncing, capsys):
    sync.put(1, b"old", changed_at=WHEN)
    fit, found = checked(capsys)
    assert not fit
    assert "1 records are of 2019" in found["year_not_open"]["text"]
    assert found["year_not_open"]["way_out"] == "manage.py open_year 2019 --importing"
    Year.objects.create(year=2019, root="root-1", state="importing", layout_number=1)
    assert checked(capsys)[0]


def test_rules_of_the_collection_are_held_against_the_records(sync: Syncing, capsys):
    sync.put(1, b"more than five bytes", mime="image/png")
    Collection.objects.update(max_size=5, media_types=["image/jpeg"], erasure="field")
    sync.library.put("9.jpg")
    sync.library.carry()
    description = Source.objects.get().description
    description["records"].pop("data_subject")
    description["media_type"] = "image/gif"
    Source.objects.update(description=description)
    fit, found = checked(capsys)
    assert not fit
    expected = {
        "larger_than_collection", "media_types_of_collection", "media_type_of_collection",
        "no_data_subject", "key_taken",
    }  # fmt: skip
    assert expected <= set(found)


def test_an_address_that_is_missing_or_open_to_all_is_said(sync: Syncing, capsys):
    file = write_address(sync.home, "photos", sync.tables.url)
    file.chmod(0o644)
    fit, found = checked(capsys)
    assert (fit, "chmod 600" in found["address"]["text"]) == (False, True)
    file.unlink()
    assert "LEGACY_PHOTOS_DSN" in checked(capsys)[1]["address"]["text"]


def test_a_column_that_is_no_xid8_is_said(sync: Syncing, capsys):
    Source.objects.update(capture="xid", xid_column="owner")
    assert not checked(capsys)[0]
    sync.tables.execute("ALTER TABLE {photo} ADD COLUMN tx xid8 DEFAULT pg_current_xact_id()")
    Source.objects.update(xid_column="tx")
    assert checked(capsys)[0]


def test_a_dry_run_shows_what_it_would_do_and_does_nothing(sync: Syncing, capsys):
    call_command("legacy_capture", "install", "photos", "--dry-run")
    shown = capsys.readouterr().out
    assert "CREATE TRIGGER" in shown
    assert "lock_timeout" in shown
    assert "GRANT SELECT ON" in shown
    with pytest.raises(CommandError):
        call_command("legacy_capture", "status", "photos")


def test_it_asks_and_takes_no_for_an_answer(sync: Syncing, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _question: "")
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("legacy_capture", "install", "photos")


def test_it_installs_says_what_is_there_and_removes(sync: Syncing, triggers, capsys):
    call_command("legacy_capture", "install", "photos", "--yes")
    sync.put(1, b"good")
    capsys.readouterr()
    call_command("legacy_capture", "status", "photos", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["complete"], facts["missing"], facts["backlog"]) == (True, [], 1)
    Source.objects.update(mode="hybrid")
    with pytest.raises(CommandError, match="mode hybrid"):
        call_command("legacy_capture", "remove", "photos", "--yes")
    Source.objects.update(mode="legacy")


def test_it_lets_writers_through_while_it_waits_for_the_tables(
    sync: Syncing, triggers, capsys, monkeypatch
):
    monkeypatch.setattr(capturing, "PAUSE", 0.05)
    sync.put(1, b"good")
    busy = psycopg.connect(sync.tables.url)
    busy.execute(sync.tables._named("UPDATE {photo} SET owner = 'busy'"))
    letting_go = threading.Timer(1.5, busy.rollback)
    letting_go.start()
    call_command("legacy_capture", "install", "photos", "--yes")
    letting_go.join()
    busy.close()
    assert "more tries" in capsys.readouterr().out
    call_command("legacy_capture", "status", "photos")


def test_triggers_that_come_back_ask_for_a_whole_comparison(sync: Syncing, triggers):
    call_command("legacy_capture", "install", "photos", "--yes")
    sync.put(1, b"first")
    sync.run()
    assert sync.source.comparison == {}
    call_command("legacy_capture", "remove", "photos", "--yes")
    sync.put(1, b"unseen")
    call_command("legacy_capture", "install", "photos", "--yes")
    sync.run()
    assert sync.stored(1) == b"unseen"
