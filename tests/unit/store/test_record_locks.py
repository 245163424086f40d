"""The lock of a legacy record: one importer at a time, across threads and processes."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contentserver.store.errors import UploadLocked
from contentserver.store.store import Store
from tests.support.stores import COLLECTION, Machine

SOURCE = "old"


@pytest.fixture
def other(machine: Machine) -> Iterator[Store]:
    """As another process."""
    store = machine.open()
    yield store
    store.close()


def names(*keys: str) -> list[tuple[str, str, str]]:
    return [(COLLECTION, key, SOURCE) for key in keys]


def test_nobody_else_holds_a_record_meanwhile(store: Store, other: Store) -> None:
    for second in (store, other):
        with store.imports.hold(COLLECTION, "k", SOURCE, patience=1):
            began = time.monotonic()
            with (
                pytest.raises(UploadLocked),
                second.imports.hold(COLLECTION, "k", SOURCE, patience=0.05),
            ):
                pass
            assert time.monotonic() - began < 5
        with second.imports.hold(COLLECTION, "k", SOURCE, patience=0):
            pass


def test_other_records_are_free(store: Store, other: Store) -> None:
    with store.imports.hold(COLLECTION, "k", SOURCE, patience=0):
        for second in (store, other):
            with second.imports.hold(COLLECTION, "k2", SOURCE, patience=0):
                pass
            with second.imports.hold(COLLECTION, "k", "another", patience=0):
                pass
            with second.imports.hold("documents", "k", SOURCE, patience=0):
                pass


def test_it_gives_those_of_many_that_are_free(store: Store, other: Store) -> None:
    with (
        store.imports.hold(COLLECTION, "b", SOURCE, patience=0),
        other.imports.hold_many(names("a", "b", "c", "a"), 0) as got,
    ):
        assert got == set(names("a", "c"))
        with store.imports.hold_many(names("a", "b2", "c"), 0) as rest:
            assert rest == set(names("b2"))
    with store.imports.hold_many(names("a", "b", "c"), 0) as got:
        assert got == set(names("a", "b", "c"))


def test_a_record_is_waited_for(store: Store, other: Store) -> None:
    free = threading.Event()

    def hold() -> None:
        with store.imports.hold(COLLECTION, "k", SOURCE, patience=0):
            free.set()
            time.sleep(0.1)

    for second in (store, other):
        thread = threading.Thread(target=hold)
        thread.start()
        assert free.wait(5)
        with second.imports.hold_many(names("k", "l"), 10) as got:
            assert got == set(names("k", "l"))
        thread.join()
        free.clear()


@pytest.mark.timeout(60)
def test_many_who_want_many_never_wait_for_each_other_in_a_circle(
    store: Store, other: Store
) -> None:
    held: set[str] = set()
    doubled: list[str] = []
    rounds: list[int] = []

    def work(number: int) -> None:
        keys = [str(n) for n in range(10)]
        mine = keys[number:] + keys[:number]
        for _ in range(20):
            with (store, other)[number % 2].imports.hold_many(names(*mine[:6]), 30) as got:
                assert len(got) == 6
                doubled.extend(key for _, key, _ in got if key in held)
                held.update(key for _, key, _ in got)
                time.sleep(0.001)
                held.difference_update(key for _, key, _ in got)
                rounds.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rounds) == 120
    assert doubled == []


def test_a_lock_goes_with_its_process(store: Store, machine: Machine) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with machine.open().imports.hold(COLLECTION, "k", SOURCE, patience=0):
            os.write(write, b"x")
            time.sleep(0.05)
            os._exit(0)
    os.read(read, 1)
    with store.imports.hold(COLLECTION, "k", SOURCE, patience=10):
        pass
    os.waitpid(child, 0)
    os.close(read)
    os.close(write)


def test_the_memory_of_turns_does_not_grow(store: Store) -> None:
    for number in range(100):
        with store.imports.hold_many(names(*map(str, range(number, number + 5))), 0):
            pass
    assert store.imports._locks._turns._turns == {}


def test_the_lock_file_lies_beside_that_of_addresses(store: Store, machine: Machine) -> None:
    with store.imports.hold(COLLECTION, "k", SOURCE, patience=0):
        pass
    assert Path(machine.folder / "root-1" / "imports.lock").exists()
