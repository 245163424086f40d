"""The year of a commit, whatever the clocks say: a wrong one never hides what was stored last."""

import pytest

from contentserver.store.address import Version
from contentserver.store.errors import UploadExpired, YearNotOpen, YearSealed
from contentserver.store.roots import create_root
from contentserver.store.store import Store
from tests.support.stores import COLLECTION, Clock, Machine, get, photo, put


def test_an_hour_back_changes_nothing(store: Store, clock: Clock) -> None:
    put(store, b"one")
    clock.forward(-3600)
    assert put(store, b"two").version == Version(2026, 2)
    assert get(store) == b"two"


def test_an_hour_back_over_new_year_stays_in_the_year_of_the_latest(
    store: Store, clock: Clock
) -> None:
    clock.set("2026-01-01T00:10:00")
    put(store, b"one")
    clock.set("2025-12-31T23:10:00")
    assert put(store, b"two").version == Version(2026, 2)
    assert put(store, b"other", key="b").version == Version(2025, 1)
    assert get(store) == b"two"


def test_a_year_ahead_is_refused_where_that_year_is_not_open(store: Store, clock: Clock) -> None:
    put(store, b"one")
    clock.set("2027-06-01T12:00:00")
    with pytest.raises(YearNotOpen) as refused:
        put(store, b"two")
    assert refused.value.year == 2027
    clock.set("2026-06-01T12:00:00")
    assert put(store, b"two").version == Version(2026, 2)


def test_a_year_ahead_that_was_open_is_not_gone_back_from(machine: Machine, clock: Clock) -> None:
    """The clock was wrong for a while; what it stored then stays the latest."""
    machine.set_layout({"2025": [("root-1", "open")], "2026": [("root-1", "open")]})
    store = machine.open()
    clock.set("2026-12-31T00:00:00")
    put(store, b"ahead")
    clock.set("2025-12-31T00:00:00")
    put(store, b"right again")
    assert get(store) == b"right again"


@pytest.mark.parametrize(
    ("zone", "time", "year"),
    [
        ("UTC", "2025-12-31T23:59:59", 2025),
        ("UTC", "2026-01-01T00:00:00", 2026),
        ("Europe/Prague", "2025-12-31T22:59:59", 2025),
        ("Europe/Prague", "2025-12-31T23:00:00", 2026),
        ("America/New_York", "2026-01-01T04:59:59", 2025),
        ("America/New_York", "2026-01-01T05:00:00", 2026),
        ("Pacific/Kiritimati", "2025-12-31T09:59:59", 2025),
        ("Pacific/Kiritimati", "2025-12-31T10:00:00", 2026),
    ],
)
def test_the_year_is_that_of_the_institution(
    machine: Machine, clock: Clock, zone: str, time: str, year: int
) -> None:
    machine.time_zone = zone
    clock.set(time)
    assert put(machine.open(), b"one").version == Version(year, 1)


def test_two_nodes_two_seconds_apart_at_midnight(machine: Machine) -> None:
    """One is in the new year; the other follows it for a file that the first has changed."""
    early = machine.open(clock=Clock("2025-12-31T23:59:59"))
    late = machine.open(clock=Clock("2026-01-01T00:00:01"))
    assert put(early, b"1").version == Version(2025, 1)
    assert put(late, b"2").version == Version(2026, 1)
    assert put(early, b"3").version == Version(2026, 2)
    assert put(early, b"x", key="b").version == Version(2025, 1)
    for store in (early, late):
        assert get(store) == b"3"


@pytest.mark.parametrize("direct", [True, False])
def test_staged_in_the_old_year_and_committed_in_the_new_one_on_another_root(
    machine: Machine, clock: Clock, direct: bool
) -> None:
    create_root(machine.folder / "root-2", "root-2")
    machine.set_layout({"2025": [("root-1", "open")], "2026": [("root-2", "open")]})
    store = machine.open()
    clock.set("2025-12-31T23:59:00")
    put(store, b"old")
    with store.create_upload(actor="t", metadata=photo(), length=3, direct=direct) as upload:
        upload.write(b"new")
        upload.end_part()
        clock.set("2026-01-01T00:01:00")
        assert upload.commit(actor="t").version == Version(2026, 1)
    assert get(store) == b"new"
    assert get(store, as_of=2025) == b"old"
    assert len(list(machine.folder.glob("root-2/2026/??/??/*.1"))) == 1
    assert len(list(machine.folder.glob("root-2/outbox/new/*/*"))) == 1


def test_an_old_year_sealed_meanwhile_takes_nothing(machine: Machine, clock: Clock) -> None:
    """The clock went back into a year that is sealed, for a file that has no later version."""
    clock.set("2025-06-01T00:00:00")
    store = machine.open()
    put(store, b"one")
    machine.set_layout({"2025": [("root-1", "sealed")], "2026": [("root-1", "open")]})
    with pytest.raises(YearSealed):
        put(store, b"two")
    with pytest.raises(YearSealed):
        store.delete(COLLECTION, "a/1.jpg", actor="t")
    clock.set("2026-06-01T00:00:00")
    assert put(store, b"two").version == Version(2026, 1)


def test_the_time_of_a_commit_is_the_clocks(store: Store, clock: Clock) -> None:
    receipt = put(store, b"one")
    assert receipt.committed_at_ns == clock()
    clock.forward(-7200)
    assert put(store, b"two").committed_at_ns == clock()


def test_an_upload_expires_by_the_clock(store: Store, clock: Clock) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=3) as upload:
        assert upload.expires_at_ns == clock() + 3600 * 10**9
    clock.forward(3600)
    with pytest.raises(UploadExpired):
        store.open_upload(upload.id)
    clock.forward(-1)
    store.open_upload(upload.id).close()
