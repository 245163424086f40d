"""Versions reach the catalog once, whatever the outbox repeats."""

import uuid

import pytest
from django.db import DatabaseError

from contentserver.catalog import consumer as consumer_module
from contentserver.catalog.models import Change, File, StoredVersion
from tests.support.catalog import Library, numbers, snapshot

pytestmark = pytest.mark.django_db


def test_it_lists_a_stored_file_with_its_facts(library: Library) -> None:
    receipt = library.put("2026/a.jpg", b"abc", filename="a.jpg", custom={"class": "1B"})
    library.carry()

    file = File.objects.get()
    assert (file.collection, file.key, file.filename) == ("photos", "2026/a.jpg", "a.jpg")
    assert file.id.bytes == library.store.address("photos", "2026/a.jpg")
    assert (file.version, file.size) == (str(receipt.version), 3)
    assert bytes(file.sha256) == receipt.sha256
    assert file.versions.get().custom == {"class": "1B"}
    assert file.committed_at.timestamp() == pytest.approx(receipt.committed_at_ns / 1e9, abs=1e-6)


def test_it_empties_the_outbox_only_after_the_catalog_has_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("a")

    def fail(*_arguments: object, **_options: object) -> int:
        raise DatabaseError("the server is gone")

    with monkeypatch.context() as broken:
        broken.setattr(consumer_module, "record", fail)
        with pytest.raises(DatabaseError):
            library.carry()
    assert len(list(library.store.outbox.iter_entries("catalog"))) == 1
    library.carry()
    assert File.objects.count() == 1
    assert not list(library.store.outbox.iter_entries("catalog"))


def test_it_takes_an_entry_twice_and_lists_it_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("a")
    library.store.outbox.fan_out(("catalog",))
    with monkeypatch.context() as killed:
        killed.setattr(type(library.store.outbox), "done", lambda _self, _entries: None)
        library.consumer.step()
    before = snapshot()
    library.carry()

    assert snapshot() == before
    assert numbers(library.node) == [1]


def test_it_keeps_the_latest_version_in_whatever_order_they_come(library: Library) -> None:
    for body in (b"1", b"22", b"333"):
        library.put("a", body)
    library.store.outbox.fan_out(("catalog",))
    entries = list(library.store.outbox.iter_entries("catalog"))
    for entry in sorted(entries, key=lambda entry: -entry.version.number):
        facts = consumer_module.facts_of(library.store.describe(entry))  # type: ignore[arg-type]
        consumer_module.record([facts], node=library.node)

    file = File.objects.get()
    assert (file.number, file.size) == (3, 3)
    assert sorted(file.versions.values_list("number", flat=True)) == [1, 2, 3]
    assert numbers(library.node) == [1, 2, 3]


def test_it_shows_a_deleted_file_as_deleted_and_a_new_version_as_there(library: Library) -> None:
    library.put("a")
    library.delete("a")
    library.carry()
    file = File.objects.get()
    assert file.deleted
    assert file.sha256 is None

    library.put("a", b"again")
    library.carry()
    file.refresh_from_db()
    assert not file.deleted
    assert file.versions.count() == 3


def test_one_damaged_file_waits_aside_and_holds_up_nobody(library: Library) -> None:
    library.put("damaged")
    library.put("good")
    root = library.home.config.roots[0]
    address = library.store.address("photos", "damaged").hex()
    (slot,) = root.glob(f"20*/{address[:2]}/{address[2:4]}/{address}.1")
    slot.chmod(0o600)
    raw = bytearray(slot.read_bytes())
    raw[100] ^= 1
    slot.write_bytes(raw)
    library.carry()

    assert list(File.objects.values_list("key", flat=True)) == ["good"]
    assert library.consumer.waiting_aside == 1
    assert len(list(library.store.outbox.iter_entries("catalog"))) == 1

    raw[100] ^= 1
    slot.write_bytes(raw)
    library.consumer._aside.clear()  # five minutes later
    library.carry()
    assert File.objects.count() == 2


def test_a_row_that_postgresql_refuses_does_not_take_its_batch_with_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcdefg":
        library.put(name)
    spoiled = library.store.address("photos", "d")
    facts_of = consumer_module.facts_of

    def spoil(info: object) -> object:
        facts = facts_of(info)  # type: ignore[arg-type]
        if facts.address.bytes == spoiled:
            object.__setattr__(facts, "media_type", "m" * 200)
        return facts

    monkeypatch.setattr(consumer_module, "facts_of", spoil)
    library.carry()

    assert sorted(File.objects.values_list("key", flat=True)) == list("abcefg")
    assert library.consumer.waiting_aside == 1
    assert numbers(library.node) == [1, 2, 3, 4, 5, 6]


def test_a_file_name_with_a_zero_byte_is_listed_all_the_same(library: Library) -> None:
    library.put("a", filename="a\0b.jpg")
    library.carry()
    assert File.objects.get().filename == "a\N{REPLACEMENT CHARACTER}b.jpg"


def test_the_feed_has_one_entry_for_each_version_in_the_order_of_commit(library: Library) -> None:
    for number in range(30):
        library.put(f"file-{number}", str(number).encode())
    library.carry()
    rows = Change.objects.order_by("number").select_related("version__file")
    assert [row.version.file.key for row in rows] == [f"file-{number}" for number in range(30)]
    assert numbers(library.node) == list(range(1, 31))
    assert len({row.version_id for row in rows}) == StoredVersion.objects.count() == 30


def test_two_nodes_of_one_database_have_feeds_of_their_own(library: Library) -> None:
    library.put("a")
    library.carry()
    library.put("b")
    library.consumer._node = "node-2"
    library.carry()
    assert (numbers(library.node), numbers("node-2")) == ([1], [1])
    assert isinstance(File.objects.get(key="b").id, uuid.UUID)
