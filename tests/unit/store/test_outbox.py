"""Every commit reaches every consumer: an entry is forgotten only after its work is durable."""

from datetime import UTC, datetime

import pytest

from contentserver.store import fileops
from contentserver.store.errors import NotStored
from contentserver.store.results import VersionInfo
from contentserver.store.store import Store
from tests.support.stores import COLLECTION, Clock, Machine, put


def keys_of(store: Store, consumer: str) -> list[str]:
    found = []
    for entry in store.outbox.iter_entries(consumer):
        info = store.describe(entry)
        assert isinstance(info, VersionInfo)
        assert (info.version, info.address) == (entry.version, entry.address)
        found.append(info.metadata.key)
    return sorted(found)


def test_each_commit_and_delete_feeds_one_entry(store: Store) -> None:
    put(store, b"one", key="a")
    put(store, b"one", key="b")
    store.delete(COLLECTION, "b", actor="t")
    put(store, b"one", key="a", same_bytes_ok=True)
    assert store.outbox.fan_out(["catalog", "replica"]) == 3
    assert store.outbox.fan_out(["catalog", "replica"]) == 0
    assert keys_of(store, "catalog") == keys_of(store, "replica") == ["a", "b", "b"]


def test_an_entry_is_the_version_and_not_a_copy(store: Store, machine: Machine) -> None:
    put(store, b"one")
    (entry,) = machine.folder.glob("root-1/outbox/new/*/*")
    (slot,) = machine.folder.glob("root-1/2026/??/??/*")
    assert entry.stat().st_ino == slot.stat().st_ino
    assert entry.parent.name == "20260601T1200"


def test_a_consumer_that_is_done_forgets_and_the_other_does_not(store: Store, clock: Clock) -> None:
    put(store, b"one", key="a")
    store.outbox.fan_out(["catalog", "replica"])
    clock.forward(60)
    entries = list(store.outbox.iter_entries("catalog"))
    store.outbox.done(entries)
    store.outbox.done(entries)
    assert keys_of(store, "catalog") == []
    assert keys_of(store, "replica") == ["a"]
    with pytest.raises(NotStored):
        store.describe(entries[0])


def test_the_lag_is_the_oldest_minute(store: Store, clock: Clock) -> None:
    assert store.outbox.oldest_minute() is None
    put(store, b"one", key="a")
    clock.forward(180)
    put(store, b"one", key="b")
    assert store.outbox.oldest_minute() == datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    store.outbox.fan_out(["catalog"])
    assert store.outbox.oldest_minute() is None
    first, second = store.outbox.iter_entries("catalog")
    store.outbox.done([first])
    assert store.outbox.oldest_minute("catalog") == datetime(2026, 6, 1, 12, 3, tzinfo=UTC)
    store.outbox.done([second])
    assert store.outbox.oldest_minute("catalog") is None


def test_minutes_of_the_past_are_removed_when_empty(
    store: Store, machine: Machine, clock: Clock
) -> None:
    put(store, b"one")
    clock.forward(60)
    store.outbox.fan_out(["catalog"])
    store.outbox.done(list(store.outbox.iter_entries("catalog")))
    assert list(machine.folder.glob("root-1/outbox/*/*")) == []


def test_a_minute_emptied_before_it_was_over_is_removed_later(
    store: Store, machine: Machine, clock: Clock
) -> None:
    put(store, b"one")
    store.outbox.fan_out(["catalog"])
    store.outbox.done(list(store.outbox.iter_entries("catalog")))
    assert len(list(machine.folder.glob("root-1/outbox/catalog/*"))) == 1
    clock.forward(60)
    assert list(store.outbox.iter_entries("catalog")) == []
    assert list(machine.folder.glob("root-1/outbox/catalog/*")) == []


def test_a_minute_removed_under_a_commit_is_made_again(store: Store, machine: Machine) -> None:
    """The bridge may find the minute empty just before the commit links into it."""

    def remove(name: str) -> None:
        if name == "link_outbox":
            fileops.step_hook = None
            (minute,) = machine.folder.glob("root-1/outbox/new/*")
            minute.rmdir()

    fileops.step_hook = remove
    put(store, b"one")
    assert store.outbox.fan_out(["catalog"]) == 1


@pytest.mark.parametrize("step", ["link_outbox", "sync_outbox", "link_outbox!", "sync_outbox!"])
def test_a_fan_out_that_breaks_off_loses_nothing(store: Store, step: str) -> None:
    put(store, b"one", key="a")
    put(store, b"one", key="b")

    class Stop(Exception):
        pass

    def stop(name: str) -> None:
        if name == step:
            fileops.step_hook = None
            raise Stop

    fileops.step_hook = stop
    with pytest.raises(Stop):
        store.outbox.fan_out(["catalog"])
    store.outbox.fan_out(["catalog"])
    assert keys_of(store, "catalog") == ["a", "b"]


def test_a_consumer_switched_on_while_entries_are_listed_gets_them(store: Store) -> None:
    put(store, b"one", key="a")
    boxes: list[str] = []

    def switch_on() -> list[str]:
        # What the commit of the entry saw as on was on before it: so it is by now.
        boxes.append("late")
        return boxes

    assert store.outbox.fan_out(switch_on) == 1
    assert keys_of(store, "late") == ["a"]


def test_moved_entries_are_in_the_other_box_alone(store: Store, clock: Clock) -> None:
    put(store, b"one", key="a")
    put(store, b"one", key="b")
    store.outbox.fan_out(["writeback"])
    clock.forward(60)
    entries = list(store.outbox.iter_entries("writeback"))
    store.outbox.move(entries[:1], "kept")
    store.outbox.move(entries[:1], "kept")
    assert len(keys_of(store, "writeback")) == len(keys_of(store, "kept")) == 1
    assert sorted(keys_of(store, "writeback") + keys_of(store, "kept")) == ["a", "b"]
