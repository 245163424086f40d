"""Promises 1 and 2: what a commit answers is there, and what is there never changes."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from contentserver.store import fileops
from contentserver.store.address import Version
from contentserver.store.errors import (
    Deleted,
    DigestMismatch,
    NotStored,
    PreconditionFailed,
    TooLarge,
    UploadIncomplete,
    VersionGap,
    YearNotOpen,
    YearSealed,
)
from contentserver.store.results import etag_of
from contentserver.store.store import Store
from tests.support.stores import COLLECTION, Clock, Machine, get, photo, put


def slots(machine: Machine) -> list[str]:
    """Names of all stored versions, without the folders."""
    return sorted(path.name for path in machine.folder.glob("root-*/20*/??/??/*"))


@pytest.mark.parametrize("size", [0, 1, 65536, 131016, 131017, 131056, 262073, 1_000_003])
def test_it_gives_back_what_was_put(store: Store, size: int) -> None:
    body = os.urandom(size)
    receipt = put(store, body)
    assert (receipt.version, receipt.size, receipt.created) == (Version(2026, 1), size, True)
    assert receipt.sha256 == hashlib.sha256(body).digest()
    assert get(store) == body


def test_it_numbers_versions_from_one_and_keeps_the_old_ones(store: Store) -> None:
    for number in range(1, 13):
        assert put(store, b"%d" % number).version == Version(2026, number)
    assert get(store) == b"12"
    assert [get(store, version=Version(2026, n)) for n in (1, 7)] == [b"1", b"7"]


def test_it_stores_a_version_read_only_and_without_its_name(store: Store, machine: Machine) -> None:
    put(store, b"secret body", key="students/ana.jpg")
    (path,) = machine.folder.glob("root-1/2026/??/??/*")
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    raw = path.read_bytes()
    assert b"ana" not in raw
    assert b"secret body" not in raw


def test_it_needs_three_flushes_where_the_folders_exist(store: Store, machine: Machine) -> None:
    """File, folder, outbox: none of the three may be left out, and no other is needed."""
    put(store, b"one")
    before = fileops.flushes()
    put(store, b"two")
    assert fileops.flushes() - before == 3


def test_it_leaves_nothing_in_staging(store: Store, machine: Machine) -> None:
    put(store, b"one")
    with pytest.raises(DigestMismatch):
        put(store, b"two", sha256=bytes(32))
    assert list((machine.folder / "root-1" / "staging").iterdir()) == []


def test_it_refuses_bytes_of_another_digest(store: Store) -> None:
    with pytest.raises(DigestMismatch):
        put(store, b"two", sha256=hashlib.sha256(b"one").digest())
    with pytest.raises(NotStored):
        get(store)


def test_it_refuses_more_and_fewer_bytes_than_announced(store: Store) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=3, direct=True) as upload:
        with pytest.raises(TooLarge):
            upload.write(b"four")
        upload.write(b"12")
        with pytest.raises(UploadIncomplete):
            upload.commit(actor="t")


def test_it_makes_no_version_of_the_same_bytes(store: Store) -> None:
    first = put(store, b"one", media_type="image/jpeg", custom={"a": "1"})
    again = put(store, b"one", media_type="image/jpeg", custom={"a": "1"}, same_bytes_ok=True)
    assert (again.version, again.etag, again.created) == (first.version, first.etag, False)


@pytest.mark.parametrize(
    "change",
    [
        {"media_type": "image/png"},
        {"filename": "b.jpg"},
        {"custom": {"a": "2"}},
        {"data_subject": "ana"},
    ],
)
def test_it_makes_a_version_when_anything_but_the_bytes_differs(
    store: Store, change: dict[str, object]
) -> None:
    facts = {"media_type": "image/jpeg", "filename": "a.jpg", "custom": {"a": "1"}}
    put(store, b"one", **facts)
    again = put(store, b"one", same_bytes_ok=True, **(facts | change))
    assert (again.version, again.created) == (Version(2026, 2), True)


def test_same_bytes_as_an_older_version_are_a_new_one(store: Store) -> None:
    put(store, b"one")
    put(store, b"two")
    assert put(store, b"one", same_bytes_ok=True).version == Version(2026, 3)


def test_if_match_replaces_only_that_version(store: Store) -> None:
    first = put(store, b"one")
    second = put(store, b"two", if_match=(first.etag,))
    with pytest.raises(PreconditionFailed) as refused:
        put(store, b"three", if_match=(first.etag,))
    assert refused.value.current == second.version
    assert put(store, b"three", if_match=("*",)).version == Version(2026, 3)


def test_if_match_is_judged_before_the_same_bytes(store: Store) -> None:
    put(store, b"one")
    with pytest.raises(PreconditionFailed):
        put(store, b"one", if_match=('"2026.9-0000000000000000"',), same_bytes_ok=True)


def test_if_none_match_star_creates_only_and_also_after_a_delete(store: Store) -> None:
    put(store, b"one", if_none_match=("*",))
    with pytest.raises(PreconditionFailed):
        put(store, b"two", if_none_match=("*",))
    store.delete(COLLECTION, "a/1.jpg", actor="t")
    assert put(store, b"two", if_none_match=("*",)).version == Version(2026, 3)


def test_if_match_finds_nothing_to_match_where_nothing_is(store: Store) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        put(store, b"one", if_match=("*",))
    assert refused.value.current is None


def test_if_unmodified_since_compares_whole_seconds(store: Store, clock: Clock) -> None:
    put(store, b"one")
    at = clock() // 1_000_000_000
    with pytest.raises(PreconditionFailed):
        put(store, b"two", if_unmodified_since=at - 1)
    assert put(store, b"two", if_unmodified_since=at).version == Version(2026, 2)


def test_a_delete_is_a_version_and_removes_nothing(store: Store) -> None:
    put(store, b"one", data_subject="ana")
    receipt = store.delete(COLLECTION, "a/1.jpg", actor="t")
    assert receipt.version == Version(2026, 2)
    with pytest.raises(Deleted) as gone:
        get(store)
    assert gone.value.version == receipt.version
    assert get(store, version=Version(2026, 1)) == b"one"
    versions = store.list_versions(COLLECTION, "a/1.jpg")
    assert [(v.version.number, v.deleted, v.erasable) for v in versions] == [
        (1, False, True),
        (2, True, True),
    ]


def test_it_deletes_only_what_is_there_and_matches(store: Store) -> None:
    with pytest.raises(NotStored):
        store.delete(COLLECTION, "a/1.jpg", actor="t")
    put(store, b"one")
    with pytest.raises(PreconditionFailed):
        store.delete(COLLECTION, "a/1.jpg", actor="t", if_match=(etag_of(Version(1, 1), b"x"),))
    store.delete(COLLECTION, "a/1.jpg", actor="t", if_match=("*",))
    with pytest.raises(Deleted):
        store.delete(COLLECTION, "a/1.jpg", actor="t")


def test_a_year_that_is_not_open_takes_nothing(machine: Machine, clock: Clock) -> None:
    store = machine.open()
    clock.set("2027-01-01T00:00:00")
    with pytest.raises(YearNotOpen):
        put(store, b"one")
    machine.set_layout({"2026": [("root-1", "sealed")]})
    clock.set("2026-06-01T00:00:00")
    with pytest.raises(YearSealed):
        put(store, b"one")
    machine.set_layout({"2026": [("root-1", "importing")]})
    with pytest.raises(YearNotOpen):
        put(store, b"one")


def test_it_refuses_a_number_without_the_one_before(store: Store, machine: Machine) -> None:
    """A gap means that a version was lost; nothing may be built on it."""
    for number in range(3):
        put(store, b"%d" % number)
    last = max(machine.folder.glob("root-1/2026/??/??/*.3"))

    def lose_the_last(name: str) -> None:
        if name == "sync_file":
            last.unlink()

    fileops.step_hook = lose_the_last
    with pytest.raises(VersionGap):
        put(store, b"3")
    fileops.step_hook = None
    assert [name[-1] for name in slots(machine)] == ["1", "2"]


def test_it_takes_the_next_number_when_somebody_without_the_lock_took_this_one(
    store: Store, machine: Machine
) -> None:
    put(store, b"one")
    (first,) = machine.folder.glob("root-1/2026/??/??/*.1")
    intruder = b"not ours"

    def take_the_slot(name: str) -> None:
        if name == "link_slot" and not first.with_suffix(".2").exists():
            first.with_suffix(".2").write_bytes(intruder)

    fileops.step_hook = take_the_slot
    assert put(store, b"two").version == Version(2026, 3)
    assert first.with_suffix(".2").read_bytes() == intruder


def test_a_file_on_another_file_system_is_copied_and_then_linked(tmp_path: Path) -> None:
    """/dev/shm stands for the root of the year; staging began on the root of the year before."""
    other = Path("/dev/shm") / f"store-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        _stage_in_2025_and_commit_in_2026(tmp_path, other)
    finally:
        fileops.step_hook = None
        for path in sorted(other.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        other.rmdir()


def _stage_in_2025_and_commit_in_2026(folder: Path, other: Path) -> None:
    from contentserver.store.roots import create_root
    from tests.support.keys import make_keys

    make_keys(folder / "keys", (2025, 2026))
    create_root(folder / "root-1", "root-1")
    create_root(other, "root-2")
    machine = Machine(folder, Clock("2025-12-31T23:59:59"), paths=[folder / "root-1", other])
    machine.set_layout({"2025": [("root-1", "open")], "2026": [("root-2", "open")]})
    store = machine.open()
    body = os.urandom(300_000)
    with store.create_upload(actor="t", metadata=photo(), length=len(body)) as upload:
        upload.write(body)
        upload.end_part()
        machine.clock.set("2026-01-01T00:00:01")  # type: ignore[attr-defined]
        assert upload.commit(actor="t").version == Version(2026, 1)
    assert get(store) == body
    assert list((other / "staging").iterdir()) == []
    assert len(list(other.glob("outbox/new/*/*"))) == 1
