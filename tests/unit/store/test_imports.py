"""Imports: what a commit of many answers is there, and never in the place of something newer."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from contentserver.store.address import Version
from contentserver.store.errors import (
    StoreError,
)
from contentserver.store.import_batch import FEW
from contentserver.store.results import VersionInfo
from contentserver.store.store import Store
from tests.support.imports import bring, make_importing_machine
from tests.support.stores import COLLECTION, Machine

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
