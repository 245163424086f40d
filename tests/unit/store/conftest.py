"""A machine and its store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contentserver.store import fileops
from contentserver.store.store import Store
from tests.support.stores import Clock, Machine, make_machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return make_machine(tmp_path)


@pytest.fixture
def clock(machine: Machine) -> Clock:
    assert isinstance(machine.clock, Clock)
    return machine.clock


@pytest.fixture
def store(machine: Machine) -> Iterator[Store]:
    store = machine.open()
    yield store
    store.close()


@pytest.fixture(autouse=True)
def no_hook() -> Iterator[None]:
    yield
    fileops.step_hook = None
