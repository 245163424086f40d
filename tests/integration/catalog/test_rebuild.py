"""The catalog made again from the disk equals the one that was kept while it was filled."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from contentserver.catalog import rebuild as rebuild_module
from contentserver.catalog.models import Change, ChangeFeed, File, RebuildMark, StoredVersion
from contentserver.store.errors import RootMissing, StoreError
from tests.support.catalog import Library, clear, numbers, snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture
def filled(library: Library) -> Library:
    for number in range(40):
        library.put(f"file-{number}", b"x" * number, filename=f"{number}.jpg")
    for number in range(0, 40, 3):
        library.put(f"file-{number}", b"second")
    library.delete("file-1")
    library.put("subject", collection="documents", on_behalf_of="nurse")
    library.carry()
    return library


def slot_of(library: Library, key: str, number: int = 1) -> Path:
    address = library.store.address("photos", key).hex()
    root = library.home.config.roots[0]
    (slot,) = root.glob(f"20*/{address[:2]}/{address[2:4]}/{address}.{number}")
    return slot


def test_a_catalog_made_from_the_disk_equals_the_live_one(filled: Library) -> None:
    live = snapshot()
    clear()
    outcome = filled.rebuild().run()

    assert outcome.equal
    assert outcome.added == outcome.versions == 56
    assert snapshot() == live
    assert numbers(filled.node) == list(range(1, 57))
    assert filled.rebuild().check().equal


def test_check_finds_nothing_in_an_equal_catalog_and_changes_nothing(filled: Library) -> None:
    before = snapshot()
    outcome = filled.rebuild().check()
    assert (outcome.equal, outcome.versions, outcome.left) == (True, 56, {})
    assert snapshot() == before


def test_check_names_every_kind_of_difference(filled: Library) -> None:
    File.objects.filter(key="file-5").delete()
    StoredVersion.objects.filter(file__key="file-7").update(size=999)
    File.objects.filter(key="file-8").update(media_type="text/plain")
    slot_of(filled, "file-10").unlink()
    spoil(slot_of(filled, "file-11"))

    outcome = filled.rebuild().check()

    assert outcome.left == {"missing": 1, "different": 3, "extra": 1, "unreadable": 1}
    found = {(each.kind, each.detail) for each in outcome.examples}
    assert ("different", "size") in found
    assert ("extra", "the disk does not hold it") in found


def test_rebuild_mends_what_differs_and_keeps_the_feed(filled: Library) -> None:
    good = snapshot()
    StoredVersion.objects.filter(file__key="file-7").update(size=999, custom={"forged": "1"})
    File.objects.filter(key="file-8").update(media_type="text/plain", number=9)
    File.objects.filter(key="file-9").update(key="forged")
    feed = ChangeFeed.objects.get().identity

    outcome = filled.rebuild().run()

    assert outcome.equal
    assert snapshot() == good
    assert ChangeFeed.objects.get().identity == feed


def test_rebuild_keeps_a_row_whose_file_is_lost_until_told_to_drop_it(filled: Library) -> None:
    slot_of(filled, "file-10").unlink()
    outcome = filled.rebuild().run()
    assert outcome.left == {"extra": 1}
    assert File.objects.filter(key="file-10").exists()

    outcome = filled.rebuild(drop_missing=True).run()
    assert (outcome.equal, outcome.dropped) == (True, 1)
    assert not File.objects.filter(key="file-10").exists()


def test_dropping_a_version_shows_the_one_before_it_and_renews_the_feed(filled: Library) -> None:
    feed = ChangeFeed.objects.get().identity
    slot_of(filled, "file-3", number=2).unlink()
    filled.rebuild(drop_missing=True).run()

    assert File.objects.get(key="file-3").number == 1
    assert numbers(filled.node) == list(range(1, 56))
    assert ChangeFeed.objects.get().identity != feed
    filled.put("next")
    filled.carry()
    assert numbers(filled.node) == list(range(1, 57))


def test_a_root_that_is_away_is_an_error_and_drops_nothing(filled: Library) -> None:
    before = snapshot()
    filled.home.config.roots[0].rename(filled.home.folder / "away")
    filled.store = filled.open_store()
    with pytest.raises(StoreError) as caught:
        filled.rebuild(drop_missing=True).run()
    assert isinstance(caught.value, RootMissing)
    assert snapshot() == before


def test_an_interrupted_rebuild_goes_on_behind_its_last_batch(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = snapshot()
    clear()
    monkeypatch.setattr(rebuild_module, "BATCH", 10)

    class Interrupted(Exception):
        pass

    def interrupt(_year: int, _address: Any, versions: int) -> None:
        if versions > 30:
            raise Interrupted

    with pytest.raises(Interrupted):
        filled.rebuild(progress=interrupt).run()
    had = StoredVersion.objects.count()
    assert 20 <= had < 56
    seen: list[int] = []
    outcome = filled.rebuild(progress=lambda _y, _a, versions: seen.append(versions)).run()

    assert outcome.versions == 56
    assert seen[0] > 20
    assert snapshot() == live
    assert not RebuildMark.objects.exists()


def test_versions_in_the_outbox_are_on_their_way_and_no_difference(filled: Library) -> None:
    filled.put("fresh")
    outcome = filled.rebuild().check()
    assert (outcome.equal, outcome.waiting) == (True, 1)


def test_the_command_prints_json_and_fails_where_they_differ(
    filled: Library, settings: Settings
) -> None:
    settings.CONFIG = filled.home.config
    said = StringIO()
    call_command("rebuild_catalog", "--check", "--json", stdout=said)
    assert json.loads(said.getvalue())["equal"]

    Change.objects.first().version.delete()  # type: ignore[union-attr]
    said = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("rebuild_catalog", "--check", "--json", stdout=said)
    assert caught.value.returncode == 1
    document = json.loads(said.getvalue())
    assert document["differences"]["missing"] == 1
    assert document["examples"][0]["version"].endswith(".1")
    assert "file-0" not in said.getvalue()


def test_the_command_makes_the_catalog_and_says_what_it_did(
    filled: Library, settings: Settings
) -> None:
    settings.CONFIG = filled.home.config
    live = snapshot()
    clear()
    said = StringIO()
    call_command("rebuild_catalog", "--dry-run", stdout=said)
    assert "56" in said.getvalue()
    assert not File.objects.exists()

    said = StringIO()
    call_command("rebuild_catalog", stdout=said)
    assert "Disk and catalog are equal." in said.getvalue()
    assert snapshot() == live


def spoil(slot: Path) -> None:
    slot.chmod(0o600)
    raw = bytearray(slot.read_bytes())
    raw[100] ^= 1
    slot.write_bytes(raw)
