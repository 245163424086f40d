"""Promise 1 under kill -9 between any two steps of staging and commit, and under a failing disk."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contentserver.store import fileops
from contentserver.store.errors import StoreError
from contentserver.store.roots import create_root
from tests.support.scenarios import (
    SCENARIOS,
    Scenario,
    Told,
    check,
    count_steps,
    repeat,
    run_and_kill,
    stage_in_one_year_and_commit_in_the_next,
)
from tests.support.stores import Clock, Machine, make_machine


@pytest.fixture(autouse=True)
def no_hook() -> Iterator[None]:
    yield
    fileops.step_hook = None


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory: kill -9 loses no page of a disk, and thousands of fsyncs cost nothing."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_acknowledged_is_lost_when_killed_between_any_two_steps(
    memory: Path, name: str
) -> None:
    kill_at_every_step(SCENARIOS[name], lambda number: make_machine(memory / number))


def test_nothing_is_lost_or_doubled_when_the_year_lies_on_another_file_system(
    memory: Path, tmp_path: Path
) -> None:
    """The copy that is linked has another inode than what was staged; it is known by its header."""

    def make(number: str) -> Machine:
        machine = make_machine(memory / number, {"2025": [("root-1", "open")], "2026": []})
        create_root(tmp_path / number, "root-2")
        machine.clock = Clock("2025-12-31T23:59:59")
        machine.paths = [memory / number / "root-1", tmp_path / number]
        machine.set_layout({"2025": [("root-1", "open")], "2026": [("root-2", "open")]})
        return machine

    steps = kill_at_every_step(stage_in_one_year_and_commit_in_the_next, make)
    assert "sync_copy" in steps


def kill_at_every_step(scenario: Scenario, make: Callable[[str], Machine]) -> list[str]:
    steps = count_steps(make("whole"), scenario)
    assert {"sync_file", "link_slot", "sync_slot_dir", "link_outbox", "sync_outbox"} <= set(steps)
    for step in range(len(steps) + 1):
        machine = make(str(step))
        told = run_and_kill(machine, scenario, step)
        try:
            check(machine, told)
            repeat(machine, scenario, told)
            check(machine, told)
        except BaseException as error:
            error.add_note(f"killed before step {step}: {[*steps, 'end'][step]}")
            raise
    return steps


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_acknowledged_that_the_disk_refused(memory: Path, name: str, code: int) -> None:
    scenario = SCENARIOS[name]
    steps = count_steps(make_machine(memory / "whole"), scenario)
    for step in range(len(steps)):
        machine, told = make_machine(memory / str(step)), Told()
        fileops.step_hook = fail_at(step, code)
        refused = None
        try:
            scenario(machine.open(), told)
        except StoreError as error:
            refused = error
        finally:
            fileops.step_hook = None
        try:
            assert refused is not None or told.versions
            check(machine, told, upload_may_fail=True)
            repeat(machine, scenario, told)
            check(machine, told, upload_may_fail=True)
        except BaseException as error:
            error.add_note(f"{errno.errorcode[code]} at step {step} of {name}: {steps[step]}")
            raise


def fail_at(step: int, code: int) -> Callable[[str], None]:
    left = step

    def hook(name: str) -> None:
        nonlocal left
        if left == 0:
            left -= 1
            raise OSError(code, os.strerror(code))
        left -= 1

    return hook


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_file_whose_fsync_failed_is_never_fsynced_again(
    memory: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux has marked its pages clean: a second fsync would report success for bytes that are
    lost.
    """
    scenario = SCENARIOS[name]
    synced: list[tuple[int, bool]] = []
    really = os.fsync

    def count(fd: int) -> None:
        synced.append((os.fstat(fd).st_ino, os.path.isdir(f"/proc/self/fd/{fd}")))
        really(fd)

    monkeypatch.setattr(os, "fsync", count)
    machine = make_machine(memory / "whole")
    synced.clear()
    scenario(machine.open(), Told())
    for number, (_, is_dir) in enumerate(list(synced)):
        if is_dir:
            continue
        machine = make_machine(memory / str(number))
        disk = FailingFsync(number, really)
        monkeypatch.setattr(os, "fsync", disk)
        told = Told()
        with pytest.raises((StoreError, OSError)):
            scenario(machine.open(), told)
        check(machine, told, upload_may_fail=True)
        repeat(machine, scenario, told)
        check(machine, told, upload_may_fail=True)
        assert disk.again == 0
        assert disk.failed is not None


class FailingFsync:
    """Fails once, at the n-th call, and watches that file from then on; it stays open, so that its
    number is not given to another.
    """

    def __init__(self, number: int, really: Callable[[int], None]) -> None:
        self._left = number
        self._really = really
        self.failed: int | None = None
        self._kept = -1
        self.again = 0

    def __call__(self, fd: int) -> None:
        inode = os.fstat(fd).st_ino
        self.again += inode == self.failed
        if self._left == 0:
            self.failed = inode
            self._kept = os.dup(fd)
        self._left -= 1
        if self._left == -1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._really(fd)

    def __del__(self) -> None:
        if self._kept >= 0:
            os.close(self._kept)
