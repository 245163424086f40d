"""Promise 1 for imports: kill -9 and disk errors between any two steps of a batch."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from contentserver.store import fileops
from contentserver.store.errors import StoreError
from contentserver.store.import_batch import FEW
from contentserver.store.results import Receipt, VersionInfo
from contentserver.store.store import Store
from tests.support.imports import bring, bring_one, make_importing_machine
from tests.support.scenarios import Tell, Told, count_steps, run_and_kill
from tests.support.stores import COLLECTION, Machine, get, put

pytestmark = pytest.mark.timeout(120)

BODIES = {f"k/{number}": b"%d" % number * 10_000 for number in range(FEW + 1)}


@pytest.fixture(autouse=True)
def no_hook() -> Iterator[None]:
    yield
    fileops.step_hook = None


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def batch(store: Store, tell: Tell) -> None:
    """Some new files of an earlier year, with subjects of their own, and a newer version of one
    that is there.
    """
    tell(f"put {put(store, BODIES['k/0'][:1], key='k/0').version} k/0")
    for key, result in zip(BODIES, bring(store, BODIES, own_subjects=True), strict=True):
        if isinstance(result, Receipt):
            tell(f"put {result.version} {key}")


def alone(store: Store, tell: Tell) -> None:
    """One file, then its delete marker."""
    tell(f"put {bring_one(store, 'k/1', BODIES['k/1']).version} k/1")
    standing = store.imports.note(COLLECTION, "k/1")
    receipt = store.imports.mark_deleted(COLLECTION, "k/1", standing, source="old:1")
    tell(f"put {receipt.version} k/1")


SCENARIOS = {scenario.__name__: scenario for scenario in (batch, alone)}
STEPS = {
    "batch": {"sync_erasure_keys", "sync_erasure_names", "sync_bodies", "link_slot", "sync_names"},
    "alone": {"sync_file", "link_slot", "sync_slot_dir"},
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_acknowledged_is_lost_when_killed_between_any_two_steps(
    memory: Path, name: str
) -> None:
    scenario = SCENARIOS[name]
    steps = count_steps(make_importing_machine(memory / "whole"), scenario)
    assert STEPS[name] | {"link_outbox", "sync_outbox"} <= set(steps)
    for step in range(len(steps) + 1):
        machine = make_importing_machine(memory / str(step))
        told = run_and_kill(machine, scenario, step)
        with noted(f"killed before step {step}: {[*steps, 'end'][step]}"):
            check(machine, told, name)


@pytest.mark.parametrize("code", [errno.EIO, pytest.param(errno.ENOSPC, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_acknowledged_that_the_disk_refused(memory: Path, name: str, code: int) -> None:
    scenario = SCENARIOS[name]
    steps = count_steps(make_importing_machine(memory / "whole"), scenario)
    for step in range(len(steps)):
        machine, told = make_importing_machine(memory / str(step)), Told()
        fileops.step_hook = fail_at(step, code)
        with suppress(StoreError):
            scenario(machine.open(), told)
        fileops.step_hook = None
        with noted(f"{errno.errorcode[code]} at step {step}: {steps[step]}"):
            check(machine, told, name)


def check(machine: Machine, told: Told, name: str) -> None:
    """What was told is there before and after recovery; then the importer does it all again."""
    store = machine.open()
    _check_versions(store, told)
    store.recover()
    _check_versions(store, told)
    assert [path for root in machine.roots() for path in root.glob("staging/*")] == []
    entries = store.outbox.iter_entries("new")
    fed = {(entry.address, entry.version) for entry in entries}
    assert fed >= {(one.address, one.version) for one in store.iter_stored()}
    _repeat(store, name)
    _check_versions(store, told)
    store.close()


def _check_versions(store: Store, told: Told) -> None:
    there = {}
    for one in store.iter_stored():
        assert isinstance(one, VersionInfo), "every visible version opens"
        there[one.metadata.key, one.version] = one
        if not one.deleted:
            body = get(store, one.metadata.key, version=one.version)
            assert body in {BODIES[one.metadata.key], BODIES[one.metadata.key][:1]}
    assert set(told.keys) <= there.keys()


def _repeat(store: Store, name: str) -> None:
    """A second run makes up for what the first did not reach, and makes no version too many."""
    if name == "alone":
        if store.imports.note(COLLECTION, "k/1").version is None:
            bring_one(store, "k/1", BODIES["k/1"])
        return
    assert all(isinstance(one, Receipt) for one in bring(store, BODIES, own_subjects=True))
    for key, body in BODIES.items():
        assert get(store, key) == body
        assert len(store.list_versions(COLLECTION, key)) <= (2 if key == "k/0" else 1)


def fail_at(step: int, code: int) -> Callable[[str], None]:
    left = step

    def hook(_name: str) -> None:
        nonlocal left
        left -= 1
        if left == -1:
            raise OSError(code, os.strerror(code))

    return hook


@contextmanager
def noted(where: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(where)
        raise
