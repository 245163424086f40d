"""Importers that stall, or are killed, between any two of their steps: no older state comes back,
nothing is lost, nothing is doubled.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from contentserver.operations.recovery import recover_uploads
from contentserver.store import fileops
from migrator.import_audit import ImportAudit
from migrator.import_staging import Staging
from migrator.legacy.changes import ChangeLog
from tests.support.moving import Moving, moving, run_and_kill

FIRST, SECOND = os.urandom(120_000), os.urandom(70_000)


@pytest.fixture
def here(tmp_path: Path, legacy_url: str) -> Iterator[Moving]:
    with moving(tmp_path, legacy_url) as made:
        yield made


@pytest.fixture(autouse=True)
def no_hook() -> Iterator[None]:
    yield
    fileops.step_hook = None


STEPS: dict[str, tuple[Any, str]] = {
    "before the events are noted": (ChangeLog, "note_many"),
    "before legacy is read": (Staging, "stage"),
    "after it was read": (ImportAudit, "begin"),
    "before the end is recorded": (ImportAudit, "end"),
    "before the events are removed": (ChangeLog, "remove"),
}


class Stall:
    """The first to come to this step stays there until `go_on`; all others pass."""

    def __init__(self, patch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self._one = threading.Lock()
        original = getattr(owner, name)

        def stalled(*arguments: Any, **options: Any) -> Any:
            if self._one.acquire(blocking=False):
                self.arrived.set()
                assert self.go_on.wait(20)
            return original(*arguments, **options)

        patch.setattr(owner, name, stalled)


@contextmanager
def stalled(
    here: Moving, patch: pytest.MonkeyPatch, step: tuple[Any, str], outcomes: list[str]
) -> Iterator[None]:
    """Within, an importer of record 1 stands still at this step; afterwards it has ended."""
    stall = Stall(patch, *step)
    thread = threading.Thread(target=lambda: outcomes.append(here.bring_one(1).what))
    thread.start()
    assert stall.arrived.wait(20)
    try:
        yield
    finally:
        stall.go_on.set()
        thread.join(20)


@contextmanager
def another(here: Moving) -> Iterator[Moving]:
    """An importer that shares nothing with ours but the disk and the database."""
    other = here.again()
    try:
        yield other
    finally:
        other.close()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("legacy_ends_as", ["newer", "as before", "deleted"])
def test_one_who_stalls_keeps_the_others_out_and_leaves_the_newer_event(
    here: Moving, monkeypatch: pytest.MonkeyPatch, step: str, legacy_ends_as: str
) -> None:
    here.tables.put(1, FIRST)
    here.bring_one(1)
    here.tables.put(1, b"in between")
    outcomes: list[str] = []
    with another(here) as other:
        with stalled(here, monkeypatch, STEPS[step], outcomes):
            if legacy_ends_as == "deleted":
                here.tables.delete(1)
            else:
                here.tables.put(1, SECOND if legacy_ends_as == "newer" else FIRST)
            assert other.bring_one(1).what == "busy"
        assert outcomes == [
            "deleted" if _saw_deletion(step, legacy_ends_as) else _brought(step, legacy_ends_as)
        ]
        other.bring_one(1)
        if legacy_ends_as == "deleted":
            assert other.versions(1)[-1].endswith("-")
        else:
            assert other.stored(1) == (SECOND if legacy_ends_as == "newer" else FIRST)
        assert here.pending() == set()


def _saw_deletion(step: str, legacy_ends_as: str) -> bool:
    return legacy_ends_as == "deleted" and step in list(STEPS)[:2]


def _brought(step: str, legacy_ends_as: str) -> str:
    return "same" if legacy_ends_as == "as before" and step in list(STEPS)[:2] else "imported"


@pytest.mark.parametrize("step", list(STEPS)[:3])
def test_the_condition_alone_keeps_an_older_state_out(
    here: Moving, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """As if the lock had been lost: the one who stalled is refused, and reads again."""
    here.tables.put(1, FIRST)
    here.bring_one(1)
    here.tables.put(1, b"in between")
    outcomes: list[str] = []
    with another(here) as other:
        every = frozenset({("photos", "1.jpg", here.tables.description.name)})

        @contextmanager
        def unlocked(names: Any, patience: float) -> Iterator[frozenset[Any]]:
            yield every

        monkeypatch.setattr(other.store.imports, "hold_many", unlocked)
        with stalled(here, monkeypatch, STEPS[step], outcomes):
            here.tables.put(1, SECOND)
            assert other.bring_one(1).what == "imported"
        assert outcomes == ["same"]
        assert other.stored(1) == SECOND
        assert len(other.versions(1)) == 2
        assert here.pending() == set()


@pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["each kind", "every one"]
)
def test_killed_at_a_step_of_the_disk_nothing_is_lost_or_doubled(
    legacy_url: str, every: bool
) -> None:
    """A batch with first versions, a newer one and a delete marker; then another importer. On a
    disk in memory: kill -9 loses no page, and flushes cost nothing.
    """
    with TemporaryDirectory(dir="/dev/shm") as memory, moving(Path(memory), legacy_url) as here:
        steps = [*_count_steps(here, Batch(1)), "end"]
        assert {"link_slot", "sync_names", "link_outbox"} <= set(steps)
        chosen = range(len(steps)) if every else [steps.index(name) for name in set(steps)]
        for number in chosen:
            batch = Batch(10 * (number + 1))
            _prepare(here, batch)
            run_and_kill(lambda: _work(here, batch, _kill_at(number)))  # noqa: B023 - it has ended
            try:
                _check_after_a_kill(here, batch)
            except BaseException as error:
                error.add_note(f"killed before step {number}: {steps[number]}")
                raise


@pytest.mark.parametrize("step", STEPS)
def test_killed_between_disk_and_database_nothing_is_lost_or_doubled(
    here: Moving, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    batch = Batch(1)
    _prepare(here, batch)
    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], lambda *_, **__: os._exit(9))
        run_and_kill(lambda: _work(here, batch, None))
    _check_after_a_kill(here, batch)


class Batch:
    """Records: three are new in legacy, one is newer there, one is gone there."""

    def __init__(self, first: int) -> None:
        self.new, self.newer, self.gone = [first, first + 1, first + 2], first + 3, first + 4
        self.all = [*self.new, self.newer, self.gone]


def _prepare(here: Moving, batch: Batch) -> None:
    here.tables.put(batch.newer, FIRST)
    here.tables.put(batch.gone, FIRST)
    here.bring(batch.newer, batch.gone)
    for record in batch.new:
        here.tables.put(record, FIRST)
    here.tables.put(batch.newer, SECOND)
    here.tables.delete(batch.gone)


def _work(here: Moving, batch: Batch, hook: Callable[[str], None] | None) -> None:
    with another(here) as other:
        fileops.step_hook = hook
        try:
            other.bring(*batch.all)
        finally:
            fileops.step_hook = None


def _kill_at(number: int) -> Callable[[str], None]:
    left = [number]

    def kill(_: str) -> None:
        if not left[0]:
            os._exit(9)
        left[0] -= 1

    return kill


def _count_steps(here: Moving, batch: Batch) -> list[str]:
    steps: list[str] = []
    _prepare(here, batch)
    _work(here, batch, steps.append)
    return steps


def _check_after_a_kill(here: Moving, batch: Batch) -> None:
    with another(here) as other:
        ids = [other.tables.id(record) for record in batch.all]
        pending = here.changes.pending(ids)
        expected = dict.fromkeys(batch.new, FIRST) | {batch.newer: SECOND}
        for record, content in expected.items():
            assert other.tables.id(record) in pending or other.stored(record) == content
        outcomes = other.bring(*batch.all)
        assert all(one.settled for one in outcomes), outcomes
        recover_uploads(actor="migrator", store=other.store, journal=other.journal)
        for record, content in expected.items():
            assert other.stored(record) == content
        assert [len(other.versions(record)) for record in batch.all] == [1, 1, 1, 2, 2]
        assert other.versions(batch.gone)[-1].endswith("-")
        assert here.pending() == set()
