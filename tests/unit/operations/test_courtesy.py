"""Work that can wait: not while processors are short, and not for ever."""

from itertools import pairwise
from pathlib import Path

import pytest

from contentserver.operations.courtesy import LONGEST_WAIT, Courtesy


class Machine:
    """A clock, and the kernel's count of waiting."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.path = folder / "cpu"
        self._waited = 5.0
        self._write()
        self.courtesy = Courtesy(self.path, monotonic=lambda: self.now)

    def pass_time(self, seconds: float, *, pressure: float) -> None:
        self.now += seconds
        self._waited += seconds * pressure
        self._write()

    def _write(self) -> None:
        total = int(self._waited * 1_000_000)
        self.path.write_text(
            f"some avg10=1.00 avg60=0.50 avg300=1.40 total={total}\n"
            "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_it_works_at_once_on_a_machine_that_has_room(machine: Machine) -> None:
    for _ in range(50):
        machine.pass_time(0.2, pressure=0.2)
        assert not machine.courtesy.should_wait()


def test_it_waits_while_processors_are_short_and_goes_on_soon_after(machine: Machine) -> None:
    machine.pass_time(0.2, pressure=0.9)
    assert machine.courtesy.should_wait()
    machine.pass_time(0.2, pressure=0.0)
    assert not machine.courtesy.should_wait()


def test_it_never_waits_longer_than_it_says(machine: Machine) -> None:
    worked = [machine.now]
    for _ in range(200):
        machine.pass_time(0.25, pressure=1.0)
        if not machine.courtesy.should_wait():
            worked.append(machine.now)
    waits = [after - before for before, after in pairwise(worked)]
    assert waits == [LONGEST_WAIT] * 10


@pytest.mark.parametrize("said", [None, "", "some total=many\n"])
def test_where_the_kernel_counts_nothing_it_never_waits(tmp_path: Path, said: str | None) -> None:
    path = tmp_path / "cpu"
    if said is not None:
        path.write_text(said)
    clock = [0.0]
    courtesy = Courtesy(path, monotonic=lambda: clock[0])
    for _ in range(5):
        clock[0] += 0.2
        assert not courtesy.should_wait()
