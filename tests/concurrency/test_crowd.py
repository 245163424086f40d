"""One slot, one file: a thousand commits of one upload, a thousand writers of one key."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from contentserver.store.errors import PreconditionFailed, SlotTaken, UploadUnknown
from contentserver.store.store import Store
from tests.support.crowd import crowd
from tests.support.stores import COLLECTION, Machine, get, make_machine, photo, put

PROCESSES, THREADS = 4, 250


@pytest.fixture
def machine() -> Iterator[Machine]:
    """In memory, so that it is the order that is tested and not the speed of fsync."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield make_machine(Path(folder))


def test_a_thousand_commits_of_one_upload_are_one_version_and_one_answer(machine: Machine) -> None:
    with machine.open().create_upload(actor="t", metadata=photo(), length=5) as upload:
        upload.write(b"bytes")

    def commit(store: Store, number: int) -> str:
        with store.open_upload(upload.id, patience=120) as mine:
            return mine.commit(actor=f"t{number}").etag

    answers = crowd(machine, commit, processes=PROCESSES, threads=THREADS)
    assert (len(answers), len(set(answers))) == (1000, 1)
    store = machine.open()
    assert [str(one.version) for one in store.list_versions(COLLECTION, "a/1.jpg")] == ["2026.1"]
    assert store.outbox.fan_out(["catalog"]) == 1


def test_a_thousand_writers_of_one_key_make_a_thousand_versions_without_a_gap(
    machine: Machine,
) -> None:
    def write(store: Store, number: int) -> tuple[str, int]:
        return str(put(store, b"%d" % number).version), number

    answers = crowd(machine, write, processes=PROCESSES, threads=THREADS)
    store = machine.open()
    versions = [str(one.version) for one in store.list_versions(COLLECTION, "a/1.jpg")]
    assert versions == [f"2026.{number}" for number in range(1, 1001)]
    assert sorted(version for version, _ in answers) == sorted(versions)
    (last,) = (number for version, number in answers if version == "2026.1000")
    assert get(store) == b"%d" % last
    assert store.outbox.fan_out(["catalog"]) == 1000


def test_of_a_thousand_creators_one_creates(machine: Machine) -> None:
    """If-None-Match: * is judged under the lock, so it holds between processes."""

    def create(store: Store, number: int) -> bool:
        try:
            put(store, b"%d" % number, if_none_match=("*",))
        except PreconditionFailed:
            return False
        return True

    answers = crowd(machine, create, processes=PROCESSES, threads=THREADS)
    assert sum(answers) == 1
    assert len(machine.open().list_versions(COLLECTION, "a/1.jpg")) == 1


def test_no_update_is_lost_under_if_match(machine: Machine) -> None:
    """Each reads, adds one, and replaces only what it read: the sum is exact."""
    put(machine.open(), b"0")

    def add(store: Store, number: int) -> int:
        tries = 0
        while True:
            tries += 1
            with store.open_latest(COLLECTION, "a/1.jpg") as latest:
                count, etag = int(latest.read(0, 100)), latest.etag
            try:
                put(store, b"%d" % (count + 1), if_match=(etag,))
            except PreconditionFailed:
                continue
            return tries

    crowd(machine, add, processes=4, threads=5)
    assert get(machine.open()) == b"20"


def test_a_thousand_puts_of_the_same_bytes_are_one_version(machine: Machine) -> None:
    def write(store: Store, number: int) -> bool:
        return put(store, b"same", same_bytes_ok=True).created

    answers = crowd(machine, write, processes=PROCESSES, threads=THREADS)
    assert sum(answers) == 1
    assert machine.open().outbox.fan_out(["catalog"]) == 1


def test_of_a_hundred_that_begin_one_upload_one_begins(machine: Machine) -> None:
    upload_id = uuid4()

    def begin(store: Store, number: int) -> bool:
        try:
            store.create_upload(actor="t", metadata=photo(), length=1, upload_id=upload_id).close()
        except (SlotTaken, UploadUnknown):
            return False
        return True

    assert sum(crowd(machine, begin, processes=4, threads=25)) == 1


def test_recovery_beside_living_writers_disturbs_nobody(machine: Machine) -> None:
    def work(store: Store, number: int) -> int:
        if number % 10 == 0:
            return len(store.recover()) + store.expire_uploads()
        for round_ in range(5):
            key = f"{number}/{round_}"
            put(store, key.encode(), key=key)
            with store.create_upload(actor="t", metadata=photo(key), length=3) as upload:
                upload.write(b"two")
                upload.commit(actor="t")
        return 0

    assert sum(crowd(machine, work, processes=4, threads=20)) == 0
    store = machine.open()
    assert len(list(store.iter_stored())) == 72 * 5 * 2
    assert store.outbox.fan_out(["catalog"]) == 72 * 5 * 2


def test_fan_out_beside_living_writers_misses_nothing(machine: Machine) -> None:
    """Minutes go by, and emptied ones are removed, while commits link into them."""

    def work(store: Store, number: int) -> int:
        if number == 0:
            return sum(store.outbox.fan_out(["catalog"]) for _ in range(200))
        for round_ in range(10):
            machine.clock.forward(60)  # type: ignore[attr-defined]
            put(store, b"x", key=f"{number}/{round_}")
        return 0

    taken = sum(crowd(machine, work, processes=2, threads=10))
    store = machine.open()
    assert taken + store.outbox.fan_out(["catalog"]) == 190
    assert len(list(store.outbox.iter_entries("catalog"))) == 190
