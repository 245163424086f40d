"""What the address lock holds beyond the names of slots: two commits in two years at midnight."""

import os
import time
from pathlib import Path

import pytest

from contentserver.store import fileops
from contentserver.store.errors import PreconditionFailed
from tests.support.stores import COLLECTION, Clock, make_machine, put


def test_two_processes_in_two_years_do_not_both_create(tmp_path: Path) -> None:
    """Their slots have different names, so no link fails; only the lock makes one see the other."""
    machine = make_machine(tmp_path)
    early = machine.open(clock=Clock("2025-12-31T23:59:59"))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.read(read, 1)
            late = machine.open(clock=Clock("2026-01-01T00:00:01"))
            put(late, b"late", if_none_match=("*",))
            (tmp_path / "created").touch()
        except PreconditionFailed:
            (tmp_path / "refused").touch()
        finally:
            os._exit(0)

    def let_the_other_go(name: str) -> None:
        if name == "link_slot":
            os.write(write, b"!")
            time.sleep(0.5)
            assert not (tmp_path / "created").exists()

    fileops.step_hook = let_the_other_go
    try:
        put(early, b"early", if_none_match=("*",))
    finally:
        fileops.step_hook = None
        os.waitpid(child, 0)
    assert (tmp_path / "refused").exists()
    assert len(early.list_versions(COLLECTION, "a/1.jpg")) == 1


def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    """A process that dies in the middle of a commit keeps nobody waiting."""
    machine = make_machine(tmp_path)
    child = os.fork()
    if child == 0:
        fileops.step_hook = lambda name: os.kill(os.getpid(), 9) if name == "link_slot" else None
        put(machine.open(), b"one")
    os.waitpid(child, 0)
    before = time.monotonic()
    put(machine.open(), b"two")
    assert time.monotonic() - before < 5


@pytest.fixture(autouse=True)
def no_hook() -> None:
    fileops.step_hook = None
