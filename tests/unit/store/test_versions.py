"""Which version answers: latest, as of a year, exactly; and never a false 404 or an older one."""

import logging
import shutil

import pytest

from contentserver.store import fileops
from contentserver.store.address import Version
from contentserver.store.errors import NotStored, RootMissing, Unavailable
from contentserver.store.layout import Layout
from contentserver.store.results import Unreadable, VersionInfo
from contentserver.store.roots import create_root
from contentserver.store.store import Store
from tests.support.stores import COLLECTION, Clock, Machine, get, photo, put


@pytest.fixture
def two_years(store: Store, clock: Clock) -> Store:
    """a/1.jpg has 2025.1, 2025.2 and 2026.1; b has 2025.1."""
    clock.set("2025-06-01T12:00:00")
    put(store, b"2025.1")
    put(store, b"2025.2")
    put(store, b"b", key="b")
    clock.set("2026-06-01T12:00:00")
    put(store, b"2026.1")
    return store


def test_latest_is_in_the_newest_year(two_years: Store) -> None:
    assert get(two_years) == b"2026.1"
    assert get(two_years, key="b") == b"b"


def test_as_of_a_year_is_the_latest_at_its_end(two_years: Store) -> None:
    assert get(two_years, as_of=2025) == b"2025.2"
    assert get(two_years, as_of=2099) == b"2026.1"
    with pytest.raises(NotStored):
        get(two_years, as_of=2024)


def test_as_of_is_stable_once_every_year_up_to_it_is_sealed(
    two_years: Store, machine: Machine
) -> None:
    assert not two_years.is_stable(2025)
    machine.set_layout({"2025": [("root-1", "sealed")], "2026": [("root-1", "open")]})
    assert two_years.is_stable(2025)
    assert not two_years.is_stable(2026)
    assert get(two_years, as_of=2025) == b"2025.2"


def test_exactly_one_version(two_years: Store) -> None:
    assert get(two_years, version=Version(2025, 1)) == b"2025.1"
    for absent in (Version(2025, 3), Version(2026, 2), Version(1999, 1)):
        with pytest.raises(NotStored):
            get(two_years, version=absent)


def test_all_versions_are_listed_oldest_first(two_years: Store) -> None:
    listed = [str(info.version) for info in two_years.list_versions(COLLECTION, "a/1.jpg")]
    assert listed == ["2025.1", "2025.2", "2026.1"]
    assert two_years.list_versions(COLLECTION, "absent") == []


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 12])
def test_the_cached_search_finds_what_the_other_finds(store: Store, count: int) -> None:
    for number in range(1, count + 1):
        put(store, b"%d" % number)
    assert get(store) == b"%d" % count
    try:
        assert get(store, cached_only=True) == b"%d" % count
    except fileops.WouldBlock:
        assert count >= 8  # it lists no folder, and asks no more than eight names


def test_an_absent_file_is_known_to_be_absent_from_the_cache_alone(store: Store) -> None:
    put(store, b"one", key="a")
    with pytest.raises(NotStored):
        get(store, key="b")
    with pytest.raises(NotStored):
        get(store, key="b", cached_only=True)


def test_a_root_that_is_not_there_is_no_absent_file(machine: Machine) -> None:
    put(machine.open(), b"one")
    machine.set_layout({"2025": [("root-2", "sealed")], "2026": [("root-1", "open")]})
    store = machine.open()
    assert get(store) == b"one"
    with pytest.raises(RootMissing) as missing:
        get(store, key="b")
    with pytest.raises(RootMissing):
        put(store, b"two", key="b")
    assert missing.value.name == "root-2"
    assert "root-2" in " ".join(store.problems())


def test_an_empty_mount_point_is_no_empty_root(machine: Machine) -> None:
    """What a forgotten mount leaves: the folder is there, root.json is not."""
    shutil.rmtree(machine.folder / "root-1")
    (machine.folder / "root-1").mkdir()
    store = machine.open()
    with pytest.raises(RootMissing):
        get(store)
    with pytest.raises(RootMissing):
        put(store, b"one")
    assert list((machine.folder / "root-1").iterdir()) == []


def test_a_root_that_comes_back_is_taken_up(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contentserver.store import roots

    monkeypatch.setattr(roots, "_FRESH", 0.0)
    hidden = machine.folder / "hidden"
    put(machine.open(), b"one")
    (machine.folder / "root-1").rename(hidden)
    store = machine.open(roots=[machine.folder / "root-1"])
    with pytest.raises(RootMissing):
        get(store)
    hidden.rename(machine.folder / "root-1")
    assert get(store) == b"one"
    assert store.problems() == []


def test_a_sealed_year_whose_folder_is_gone_is_no_absent_file(
    two_years: Store, machine: Machine
) -> None:
    machine.set_layout({"2025": [("root-1", "sealed")], "2026": [("root-1", "open")]})
    (machine.folder / "root-1" / "2025").rename(machine.folder / "elsewhere")
    with pytest.raises(Unavailable, match="2025"):
        get(two_years, key="b")
    with pytest.raises(Unavailable, match="2025"):
        get(two_years, key="b", cached_only=True)
    assert get(two_years) == b"2026.1"


@pytest.mark.parametrize("state", ["sealed", "importing", "moving"])
def test_a_settled_year_whose_folder_is_gone_is_named_as_a_problem(
    machine: Machine, state: str
) -> None:
    years = {"2020": [("root-1", state)], "2026": [("root-1", "open")]}
    machine.set_layout(years)
    store = machine.open()
    (problem,) = store.problems()
    assert "2020 is not on the root root-1" in problem
    (machine.folder / "root-1" / "2020").mkdir()
    assert store.problems() == []


def test_an_open_year_needs_no_folder_before_its_first_commit(machine: Machine) -> None:
    machine.set_layout({"2025": [("root-1", "open")], "2026": [("root-1", "open")]})
    store = machine.open()
    assert store.problems() == []
    with pytest.raises(NotStored):
        get(store, key="b")
    put(store, b"one")
    assert get(store) == b"one"


def test_while_a_year_is_moved_the_fuller_copy_answers(two_years: Store, machine: Machine) -> None:
    create_root(machine.folder / "root-2", "root-2")
    for path in (machine.folder / "root-1" / "2025").rglob("*.1"):
        copy = machine.folder / "root-2" / path.relative_to(machine.folder / "root-1")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for order in (["root-1", "root-2"], ["root-2", "root-1"]):
        machine.set_layout({"2025": [(root, "moving") for root in order]})
        store = machine.open()
        assert get(store) == b"2025.2"
        assert get(store, version=Version(2025, 2)) == b"2025.2"
        assert len(list(store.iter_stored())) == 3


def test_a_gap_is_an_alarm(
    store: Store, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        put(store, b"%d" % number)
    (second,) = machine.folder.glob("root-1/2026/??/??/*.2")
    second.rename(machine.folder / "lost")
    with caplog.at_level(logging.ERROR):
        assert len(store.list_versions(COLLECTION, "a/1.jpg")) == 2
    assert "gap" in caplog.text


def test_every_version_is_walked_once_in_the_order_of_addresses(store: Store) -> None:
    for number in range(40):
        put(store, b"1", key=str(number))
        put(store, b"2", key=str(number % 7))
    walked = [(one.address, one.version) for one in store.iter_stored(2026)]
    assert walked == sorted(set(walked))
    assert len(walked) == 80
    for address in (walked[0][0], walked[37][0], walked[-1][0], bytes(16), b"\xff" * 16):
        behind = [(one.address, one.version) for one in store.iter_stored(2026, after=address)]
        assert behind == [slot for slot in walked if slot[0] > address]
    assert list(store.iter_stored(2025)) == []


def test_a_moved_year_is_walked_in_one_order_and_a_damaged_copy_is_passed_over(
    store: Store, machine: Machine
) -> None:
    create_root(machine.folder / "root-2", "root-2")
    for number in range(20):
        put(store, b"%d" % number, key=str(number))
    slots = sorted((machine.folder / "root-1").glob("2026/??/??/*"))
    for number, path in enumerate(slots):
        copy = machine.folder / "root-2" / path.relative_to(machine.folder / "root-1")
        copy.parent.mkdir(parents=True, exist_ok=True)
        if number % 3:
            shutil.copy(path, copy)
        if number % 3 == 1:
            path.unlink()
        if number % 3 == 2:
            path.chmod(0o600)
            path.write_bytes(b"damaged")
    machine.set_layout({"2026": [("root-1", "moving"), ("root-2", "moving")]})
    walked = list(machine.open().iter_stored())
    assert all(isinstance(one, VersionInfo) for one in walked)
    assert [one.address for one in walked] == sorted(one.address for one in walked)
    assert len(walked) == 20


def test_a_damaged_version_is_walked_with_its_reason(two_years: Store, machine: Machine) -> None:
    (path,) = machine.folder.glob("root-1/2026/??/??/*")
    path.chmod(0o600)
    raw = bytearray(path.read_bytes())
    raw[100] ^= 1
    path.write_bytes(raw)
    (found,) = two_years.iter_stored(2026)
    assert isinstance(found, Unreadable)
    assert "authenticate" in str(found.error)


def test_a_layout_that_cannot_be_read_is_no_empty_layout() -> None:
    for payload in ({}, {"years": []}, {"years": {"x": []}}, {"years": {"2026": [{"root": "r"}]}}):
        with pytest.raises(Unavailable):
            Layout.from_document(1, payload)
    with pytest.raises(Unavailable, match="half-open"):
        Layout.from_document(1, {"years": {"2026": [{"root": "r", "state": "half-open"}]}})


def test_a_read_may_touch_any_range(store: Store) -> None:
    body = bytes(range(256)) * 4096
    put(store, body)
    with store.open_latest(COLLECTION, "a/1.jpg", read_ahead=131072) as stored:
        for start, length in [(0, 1), (131_015, 2), (131_016, 1), (1_048_575, 9), (7, 900_000)]:
            assert stored.read(start, length) == body[start : start + length]
        chunks = list(stored.chunks(5, 2_000_000))
        assert b"".join(stored.read(*chunk) for chunk in chunks) == body[5:]
        assert max(length for _, length in chunks) <= 1 << 20


def test_facts_of_a_version_are_those_declared(store: Store, clock: Clock) -> None:
    put(store, b"one", media_type="image/jpeg", filename="ana.jpg", custom={"b": "2", "a": "1"})
    with store.open_latest(COLLECTION, "a/1.jpg") as stored:
        assert stored.metadata.media_type == "image/jpeg"
        assert stored.metadata.filename == "ana.jpg"
        assert stored.metadata.created_by == "tester"
        assert stored.metadata.custom == {"a": "1", "b": "2"}
        assert stored.committed_at_ns == clock()
        assert stored.etag == f'"2026.1-{stored.digest.hex()[:16]}"'
        stored.close()


def test_an_upload_goes_to_the_root_of_its_year(machine: Machine) -> None:
    create_root(machine.folder / "root-2", "root-2")
    machine.set_layout({"2025": [("root-1", "sealed")], "2026": [("root-2", "open")]})
    (machine.folder / "root-1" / "2025").mkdir()
    store = machine.open()
    store.create_upload(actor="t", metadata=photo(), length=1).close()
    assert len(list((machine.folder / "root-2" / "staging").iterdir())) == 1
    put(store, b"one", key="b")
    assert len(list(machine.folder.glob("root-2/2026/??/??/*.1"))) == 1
