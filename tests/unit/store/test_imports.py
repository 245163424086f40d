"""Imports: what a commit of many answers is there, and never in the place of something newer."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contentserver.store import fileops
from contentserver.store.address import Version
from contentserver.store.errors import (
    Deleted,
    DigestMismatch,
    Erased,
    ImplausibleTime,
    LatestChanged,
    NotStored,
    PreconditionFailed,
    StoreError,
    Unavailable,
    UploadUnknown,
    YearNotOpen,
    YearSealed,
)
from contentserver.store.import_batch import FEW
from contentserver.store.results import Receipt, VersionInfo
from contentserver.store.store import Store
from tests.support.imports import YEARS, bring, bring_one, draft, make_importing_machine
from tests.support.stores import COLLECTION, Clock, Machine, get, put
from tests.support.tombstones import bury

ONE, MANY = 1, FEW + 2


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return make_importing_machine(tmp_path)


@pytest.fixture
def store(machine: Machine) -> Iterator[Store]:
    store = machine.open()
    yield store
    store.close()


def bodies(count: int) -> dict[str, bytes]:
    return {f"k/{number}": b"%d" % number * 1000 for number in range(count)}


def staged(machine: Machine) -> list[Path]:
    return [path for root in machine.roots() for path in (root / "staging").iterdir()]


@pytest.mark.parametrize("count", [ONE, MANY])
def test_it_imports_each_file_into_the_year_of_its_time(
    store: Store, machine: Machine, count: int
) -> None:
    wanted = bodies(count)
    results = bring(store, wanted)
    for key, result in zip(wanted, results, strict=True):
        assert not isinstance(result, StoreError)
        assert (result.version, result.created) == (Version(2019, 1), True)
        assert result.sha256 == hashlib.sha256(wanted[key]).digest()
        with store.open_latest(COLLECTION, key) as stored:
            assert stored.read(0, stored.size) == wanted[key]
            assert stored.header.imported
            assert stored.metadata.created_by == "migrator"
            assert stored.metadata.source == f"old:{key}"
    assert staged(machine) == []


@pytest.mark.parametrize("count", [ONE, MANY])
def test_every_import_reaches_the_outbox(store: Store, count: int) -> None:
    bring(store, bodies(count))
    entries = list(store.outbox.iter_entries("new"))
    told = {
        info.metadata.key for e in entries if isinstance(info := store.describe(e), VersionInfo)
    }
    assert told == set(bodies(count))
    assert len({entry.minute for entry in entries}) == 1


def test_it_shows_the_time_that_the_source_gives(store: Store, clock: Clock) -> None:
    bring_one(store, "k", b"old")
    with store.open_latest(COLLECTION, "k") as stored:
        assert stored.modified_ns == 1_556_704_800 * 10**9
        assert stored.committed_at_ns == clock()
        assert stored.info().modified_ns == stored.modified_ns


def test_it_shows_the_time_of_the_commit_where_no_source_gives_one(
    store: Store, clock: Clock
) -> None:
    assert bring_one(store, "k", b"new", original_time=None).version == Version(2026, 1)
    put(store, b"ours", key="ours")
    for key in ("k", "ours"):
        with store.open_latest(COLLECTION, key) as stored:
            assert stored.modified_ns == stored.info().modified_ns == clock()


def test_unmodified_since_means_the_time_shown(store: Store) -> None:
    bring_one(store, "k", b"old")
    shown = 1_556_704_800
    with pytest.raises(PreconditionFailed):
        put(store, b"new", key="k", if_unmodified_since=shown - 1)
    assert put(store, b"new", key="k", if_unmodified_since=shown).version == Version(2026, 1)


def versions(store: Store, key: str) -> list[str]:
    return [str(one.version) for one in store.list_versions(COLLECTION, key)]


def test_a_later_change_of_the_record_goes_to_the_current_year(store: Store) -> None:
    bring_one(store, "k", b"old")
    assert bring_one(store, "k", b"new").version == Version(2026, 1)
    assert bring_one(store, "k", b"newer").version == Version(2026, 2)
    assert versions(store, "k") == ["2019.1", "2026.1", "2026.2"]


def test_a_commit_never_goes_to_a_year_that_takes_imports(store: Store, clock: Clock) -> None:
    """Not after an import into it either, and not when the clock says that it is that year."""
    bring_one(store, "k", b"old")
    assert put(store, b"ours", key="k").version == Version(2026, 1)
    clock.set("2019-06-01T12:00:00")
    for key in ("k", "other"):
        with pytest.raises(YearNotOpen):
            put(store, b"ours again", key=key)
    with pytest.raises(YearNotOpen):
        bring_one(store, "third", b"third", original_time=None)


def test_the_year_is_that_of_the_institution(machine: Machine) -> None:
    machine.time_zone = "America/Lima"
    store = machine.open()
    late = "2020-01-01T04:59:59.000000Z"
    assert bring_one(store, "k", b"old", original_time=late).version == Version(2019, 1)
    store.close()


@pytest.mark.parametrize(
    ("time", "way_out"),
    [
        ("2018-05-01T00:00:00.000000Z", "open_year 2018 --importing"),
        ("2027-05-01T00:00:00.000000Z", "has not begun"),
    ],
)
def test_it_refuses_a_time_outside_the_years(
    store: Store, machine: Machine, time: str, way_out: str
) -> None:
    machine.set_layout(YEARS | {"2027": [("root-1", "open")]})
    with pytest.raises(ImplausibleTime, match=way_out):
        bring_one(store, "k", b"old", original_time=time)
    assert staged(machine) == []


def test_it_refuses_a_sealed_year(store: Store, machine: Machine) -> None:
    machine.set_layout(YEARS | {"2019": [("root-1", "sealed")]})
    with pytest.raises(YearSealed):
        bring_one(store, "k", b"old")


@pytest.mark.parametrize("count", [ONE, MANY])
def test_a_year_sealed_before_the_commit_takes_nothing(
    store: Store, machine: Machine, count: int
) -> None:
    drafts = [draft(store, key, body) for key, body in bodies(count).items()]
    machine.set_layout(YEARS | {"2019": [("root-1", "sealed")]})
    assert all(isinstance(one, YearSealed) for one in store.imports.commit(drafts))
    assert list(store.iter_stored()) == []
    assert staged(machine) == []


@pytest.mark.parametrize("count", [ONE, MANY])
def test_the_same_bytes_and_facts_make_no_version(store: Store, count: int) -> None:
    first = bring(store, bodies(count))
    again = bring(store, bodies(count), original_time="2019-06-01T10:00:00.000000Z")
    for one, other in zip(first, again, strict=True):
        assert isinstance(one, Receipt)
        assert isinstance(other, Receipt)
        assert (one.version, one.etag, one.committed_at_ns) == (
            other.version, other.etag, other.committed_at_ns
        )  # fmt: skip
        assert not other.created
    assert len(list(store.iter_stored())) == count


def test_other_facts_make_a_version(store: Store) -> None:
    bring_one(store, "k", b"old")
    assert bring_one(store, "k", b"old", filename="a.jpg").created
    assert not bring_one(store, "k", b"old", filename="a.jpg").created


@pytest.mark.parametrize("others", [ONE, MANY])
def test_it_refuses_what_rests_on_an_older_version_and_commits_the_others(
    store: Store, machine: Machine, others: int
) -> None:
    late = draft(store, "late", b"from the source")
    put(store, b"newer", key="late")
    drafts = [draft(store, key, body) for key, body in bodies(others).items()]
    result, *rest = store.imports.commit([late, *drafts])
    assert isinstance(result, LatestChanged)
    assert result.current == Version(2026, 1)
    assert all(isinstance(one, Receipt) for one in rest)
    assert get(store, "late") == b"newer"
    assert versions(store, "late") == ["2026.1"]
    assert staged(machine) == []


def test_it_does_not_call_the_same_what_was_replaced_meanwhile(store: Store) -> None:
    bring_one(store, "k", b"old")
    same = draft(store, "k", b"old")
    put(store, b"newer", key="k")
    (result,) = store.imports.commit([same])
    assert isinstance(result, LatestChanged)


def test_of_two_drafts_of_one_file_the_first_wins(store: Store) -> None:
    one, other = draft(store, "k", b"one"), draft(store, "k", b"other")
    first, second = store.imports.commit([one, other])
    assert isinstance(first, Receipt)
    assert isinstance(second, LatestChanged)
    assert get(store, "k") == b"one"


def test_a_delete_marker_is_a_version_that_stands(store: Store) -> None:
    put(store, b"ours", key="k")
    store.delete(COLLECTION, "k", actor="t")
    standing = store.imports.note(COLLECTION, "k")
    assert (standing.version, standing.deleted) == (Version(2026, 2), True)
    assert bring_one(store, "k", b"back").version == Version(2026, 3)


def test_it_notes_what_stands(store: Store) -> None:
    nothing = store.imports.note(COLLECTION, "k")
    assert (nothing.version, nothing.deleted, nothing.sha256, nothing.metadata) == (
        None, False, None, None
    )  # fmt: skip
    bring_one(store, "k", b"old", filename="a.jpg")
    standing = store.imports.note(COLLECTION, "k")
    assert standing.version == Version(2019, 1)
    assert standing.sha256 == hashlib.sha256(b"old").digest()
    assert standing.metadata is not None
    assert standing.metadata.filename == "a.jpg"
    assert (standing.deleted, standing.erased, standing.unreadable) == (False, False, False)


def test_a_damaged_version_is_followed_by_the_next(store: Store, machine: Machine) -> None:
    bring_one(store, "k", b"old")
    (path,) = machine.folder.glob("root-1/2019/??/??/*")
    raw = bytearray(path.read_bytes())
    raw[100] ^= 1
    path.chmod(0o600)
    path.write_bytes(raw)
    standing = store.imports.note(COLLECTION, "k")
    assert standing.unreadable
    assert not standing.erased
    assert bring_one(store, "k", b"old").version == Version(2026, 1)


def test_it_refuses_bytes_of_another_digest_than_declared(store: Store, machine: Machine) -> None:
    with pytest.raises(DigestMismatch):
        bring_one(store, "k", b"old", sha256=hashlib.sha256(b"other").hexdigest())
    assert staged(machine) == []


def test_a_draft_that_is_given_up_leaves_nothing(store: Store, machine: Machine) -> None:
    begun = draft(store, "k", b"old")
    assert len(staged(machine)) == 1
    begun.abort()
    begun.abort()
    assert staged(machine) == []
    with pytest.raises(UploadUnknown):
        begun.write(b"more")
    (result,) = store.imports.commit([begun])
    assert isinstance(result, UploadUnknown)


def test_recovery_leaves_a_draft_alone(store: Store, machine: Machine) -> None:
    begun = draft(store, "k", b"old")
    other = machine.open()
    assert other.recover() == []
    other.close()
    (result,) = store.imports.commit([begun])
    assert isinstance(result, Receipt)


class TestErasure:
    def test_it_refuses_a_subject_that_was_erased(self, store: Store, machine: Machine) -> None:
        bring_one(store, "k", b"old", data_subject="ana")
        keys = machine.keys()
        bury(keys, keys.erasure.id_for(COLLECTION, "ana"))
        standing = store.imports.note(COLLECTION, "k")
        assert standing.erased
        assert not standing.unreadable
        for key, time in (("k", None), ("k", "2019-05-01T10:00:00Z"), ("new", None)):
            with pytest.raises(Erased):
                bring_one(store, key, b"more", data_subject="ana", original_time=time)
        with pytest.raises(Erased):
            bring_one(store, "k", b"more")
        with pytest.raises(Erased):
            store.imports.mark_deleted(COLLECTION, "k", standing, source="old:1")
        assert staged(machine) == []

    @pytest.mark.parametrize("count", [ONE, MANY])
    def test_it_refuses_a_subject_erased_before_the_commit(
        self, store: Store, machine: Machine, count: int
    ) -> None:
        lost = draft(store, "lost", b"old", data_subject="ana")
        others = [draft(store, key, body) for key, body in bodies(count).items()]
        keys = machine.keys()
        bury(keys, keys.erasure.id_for(COLLECTION, "ana"))
        result, *rest = store.imports.commit([lost, *others])
        assert isinstance(result, Erased)
        assert all(isinstance(one, Receipt) for one in rest)

    @pytest.mark.parametrize("count", [ONE, MANY])
    def test_every_subject_has_its_key(self, store: Store, machine: Machine, count: int) -> None:
        subjects = [f"s{number % (FEW + 1)}" for number in range(count)]
        drafts = [
            draft(store, f"k/{number}", b"x", data_subject=subject)
            for number, subject in enumerate(subjects)
        ]
        assert all(isinstance(one, Receipt) for one in store.imports.commit(drafts))
        keys = machine.keys()
        bury(keys, keys.erasure.id_for(COLLECTION, "s0"))
        for number, subject in enumerate(subjects):
            if subject == "s0":
                with pytest.raises(Erased):
                    get(store, f"k/{number}")
            else:
                assert get(store, f"k/{number}") == b"x"


class TestDeletes:
    def test_it_marks_a_file_that_the_source_has_no_more(self, store: Store) -> None:
        bring_one(store, "k", b"old", data_subject="ana")
        standing = store.imports.note(COLLECTION, "k")
        time = "2026-02-01T00:00:00.000000Z"
        receipt = store.imports.mark_deleted(
            COLLECTION, "k", standing, source="old:1", original_time=time
        )
        assert receipt.version == Version(2026, 1)
        with pytest.raises(Deleted):
            get(store, "k")
        marker = store.list_versions(COLLECTION, "k")[-1]
        assert (marker.deleted, marker.imported, marker.erasable) == (True, True, True)
        assert marker.metadata.source == "old:1"
        assert marker.metadata.original_time == time
        assert len(list(store.outbox.iter_entries("new"))) == 2

    def test_it_marks_only_what_was_noted(self, store: Store) -> None:
        bring_one(store, "k", b"old")
        standing = store.imports.note(COLLECTION, "k")
        put(store, b"newer", key="k")
        with pytest.raises(LatestChanged):
            store.imports.mark_deleted(COLLECTION, "k", standing, source="old:1")
        assert get(store, "k") == b"newer"

    def test_there_must_be_something_to_delete(self, store: Store) -> None:
        with pytest.raises(NotStored):
            store.imports.mark_deleted(
                COLLECTION, "k", store.imports.note(COLLECTION, "k"), source="old:1"
            )
        put(store, b"ours", key="k")
        store.delete(COLLECTION, "k", actor="t")
        with pytest.raises(Deleted):
            store.imports.mark_deleted(
                COLLECTION, "k", store.imports.note(COLLECTION, "k"), source="old:1"
            )


class TestFlushes:
    def test_a_batch_needs_five_however_many_it_has(self, store: Store) -> None:
        """Twice the file system and a file on it, once the minute's folder."""
        bring(store, {"first": b"1"}, original_time=None)  # makes the minute's folder
        for count in (FEW, 60):
            before = fileops.flushes()
            bring(store, {f"{count}/{number}": b"x" for number in range(count)})
            assert fileops.flushes() - before == 5

    def test_new_subjects_of_a_batch_share_four_more(self, store: Store) -> None:
        """Twice the file system of the keys, with a file on it."""
        bring(store, {"first": b"1"}, original_time=None)
        drafts = [draft(store, f"k/{n}", b"x", data_subject=f"s{n}") for n in range(30)]
        before = fileops.flushes()
        assert all(isinstance(one, Receipt) for one in store.imports.commit(drafts))
        assert fileops.flushes() - before == 9

    def test_one_import_needs_as_many_as_a_commit(self, store: Store) -> None:
        put(store, b"one", key="k")
        before = fileops.flushes()
        bring_one(store, "k", b"two")
        assert fileops.flushes() - before == 3

    def test_where_syncfs_says_nothing_of_errors_each_file_is_flushed(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fileops, "SYNCFS_TELLS", False)
        steps: list[str] = []
        fileops.step_hook = steps.append
        bring(store, bodies(MANY), own_subjects=True)
        assert steps.count("sync_file!") == steps.count("sync_slot_dir!") == MANY
        assert not {"sync_bodies", "sync_names", "sync_erasure_keys"} & set(steps)

    def test_new_folders_are_settled_once_they_are_durable(
        self, store: Store, machine: Machine
    ) -> None:
        bring(store, bodies(MANY))
        folders = [path for path in machine.folder.glob("root-1/2019/**/*") if path.is_dir()]
        assert len(folders) > MANY
        assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o750}

    def test_a_folder_is_not_called_durable_before_it_is(
        self, store: Store, machine: Machine, no_hook: None
    ) -> None:
        fileops.step_hook = fail_before("sync_names")
        bring(store, bodies(MANY))
        modes = {path.stat().st_mode & 0o777 for path in machine.folder.glob("root-1/2019/??/??")}
        assert modes == {0o700}


def fail_before(step: str, code: int = errno.EIO) -> Callable[[str], None]:
    def hook(name: str) -> None:
        if name == step:
            raise OSError(code, os.strerror(code))

    return hook


@pytest.mark.parametrize("step", ["sync_bodies", "sync_bodies_end", "sync_names", "sync_names_end"])
def test_a_flush_that_fails_fails_for_all_of_the_batch(
    store: Store, machine: Machine, step: str
) -> None:
    fileops.step_hook = fail_before(step)
    results = bring(store, bodies(MANY))
    fileops.step_hook = None
    assert all(isinstance(one, Unavailable) for one in results)
    there = len(list(store.iter_stored()))
    assert there == (0 if step.startswith("sync_bodies") else MANY)
    assert len(staged(machine)) == there, "what may have its place waits for recovery"
    assert len(store.recover()) == there
    assert staged(machine) == []
    assert all(isinstance(one, Receipt) for one in bring(store, bodies(MANY)))


def test_a_full_disk_refuses_one_draft_and_not_the_others(store: Store) -> None:
    late = [draft(store, key, body) for key, body in bodies(MANY).items()]
    left = 2

    def hook(name: str) -> None:
        nonlocal left
        left -= name == "link_slot"
        if left == 0 and name == "link_slot":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    fileops.step_hook = hook
    results = store.imports.commit(late)
    assert [isinstance(one, Receipt) for one in results].count(False) == 1
    assert len(list(store.iter_stored())) == MANY - 1


def test_drafts_of_several_roots_are_committed_together(tmp_path: Path) -> None:
    machine = make_importing_machine(
        tmp_path, {"2019": [("root-2", "importing")], "2026": [("root-1", "open")]}
    )
    store = machine.open()
    bring(store, {"a": b"a", "b": b"b"})
    drafts = [draft(store, f"k/{n}", b"new", original_time=None) for n in range(MANY)]
    drafts += [draft(store, f"old/{n}", b"old") for n in range(MANY)]
    drafts += [draft(store, "a", b"a"), draft(store, "b", b"other")]
    results = store.imports.commit(drafts)
    assert [str(one.version) for one in results if isinstance(one, Receipt)] == [
        *["2026.1"] * MANY, *["2019.1"] * MANY, "2019.1", "2026.1",
    ]  # fmt: skip
    store.close()
