"""Imports beside uploads of the same files: nothing newer is ever buried, nothing is lost."""

import threading
from collections import Counter
from pathlib import Path

import pytest

from contentserver.store.errors import LatestChanged
from contentserver.store.results import Receipt, VersionInfo
from contentserver.store.store import Store
from tests.support.imports import bring, make_importing_machine
from tests.support.stores import COLLECTION, get, put

KEYS = [f"k/{number}" for number in range(8)]
ROUNDS = 6


@pytest.mark.timeout(120)
def test_importers_and_clients_share_the_files_without_a_gap(tmp_path: Path) -> None:
    machine = make_importing_machine(tmp_path)
    stores = [machine.open() for _ in range(4)]
    told: Counter[str] = Counter()
    refused: list[object] = []

    def import_all(store: Store, number: int) -> None:
        for turn in range(ROUNDS):
            wanted = {key: b"import %d %d %b" % (number, turn, key.encode()) for key in KEYS}
            for key, result in zip(KEYS, bring(store, wanted), strict=True):
                if isinstance(result, Receipt):
                    told[key] += 1
                else:
                    refused.append(result)

    def put_all(store: Store, number: int) -> None:
        for turn in range(ROUNDS):
            for key in KEYS:
                put(store, b"put %d %d" % (number, turn), key=key)
                told[key] += 1

    work = (import_all, put_all, import_all, put_all)
    threads = [
        threading.Thread(target=each, args=(store, number))
        for number, (each, store) in enumerate(zip(work, stores, strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(isinstance(one, LatestChanged) for one in refused)
    store = stores[0]
    for key in KEYS:
        versions = store.list_versions(COLLECTION, key)
        assert len(versions) == told[key]
        for year in (2019, 2026):
            numbers = [one.version.number for one in versions if one.version.year == year]
            assert numbers == list(range(1, len(numbers) + 1))
        assert len([one for one in versions if one.version.year == 2019]) <= 1
        assert all(get(store, key, version=one.version) for one in versions)
    entries = list(store.outbox.iter_entries("new"))
    assert all(isinstance(store.describe(entry), VersionInfo) for entry in entries)
    assert len(entries) == sum(told.values())
    assert store.recover() == []
    for store in stores:
        store.close()
