"""Erasure keys and tombstones. Promise: 201 means that the erasure key is on stable storage too."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contentserver.store import fileops
from contentserver.store.erasure import ErasureKeys
from contentserver.store.errors import Corrupt, Erased, KeyMissing, NoSpace
from tests.support.keys import Keys, make_keys
from tests.support.tombstones import bury, tombstone


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return make_keys(tmp_path)


def again(keys: Keys) -> ErasureKeys:
    """As another process sees them."""
    return ErasureKeys.from_keyset(keys.folder / "erasure", keys.data)


def path_of(keys: Keys, erasure_id: bytes) -> Path:
    name = erasure_id.hex()
    return keys.folder / "erasure" / name[:2] / name[2:4] / name


def test_a_subject_has_one_key_and_no_other_has_it(keys: Keys) -> None:
    one, two = keys.erasure.id_for("photos", "42"), keys.erasure.id_for("photos", "43")
    assert len({one, two, keys.erasure.id_for("documents", "42")}) == 3
    key = keys.erasure.obtain(one)
    assert len(key) == 32
    assert keys.erasure.obtain(one) == keys.erasure.get(one) == again(keys).get(one) == key
    assert keys.erasure.obtain(two) != key


def test_the_key_is_not_in_the_clear_and_for_the_owner_alone(keys: Keys) -> None:
    erasure_id = keys.erasure.id_for("photos", "42")
    key = keys.erasure.obtain(erasure_id)
    path = path_of(keys, erasure_id)
    assert key not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("cached_only", [False, True])
def test_neither_key_nor_tombstone_is_a_missing_key(keys: Keys, *, cached_only: bool) -> None:
    erasure_id = keys.erasure.id_for("photos", "nobody")
    with pytest.raises(KeyMissing, match=erasure_id.hex()):
        keys.erasure.get(erasure_id)
    with pytest.raises(KeyMissing):
        keys.erasure.get(erasure_id, cached_only=cached_only)


def test_a_cached_key_is_given_without_waiting(keys: Keys) -> None:
    erasure_id = keys.erasure.id_for("photos", "42")
    key = keys.erasure.obtain(erasure_id)
    assert keys.erasure.get(erasure_id, cached_only=True) == key


def test_everybody_who_asks_at_once_gets_the_same_key(keys: Keys) -> None:
    erasure_id = keys.erasure.id_for("photos", "42")
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda _: again(keys).obtain(erasure_id), range(64)))
    assert len(set(got)) == 1


def test_a_tombstone_holds_at_once_and_no_key_is_made_again(keys: Keys) -> None:
    erasure_id = keys.erasure.id_for("photos", "42")
    keys.erasure.obtain(erasure_id)
    bury(keys, erasure_id)
    for ask in (keys.erasure.get, keys.erasure.obtain, again(keys).get, again(keys).obtain):
        with pytest.raises(Erased):
            ask(erasure_id)
    with pytest.raises(Erased):
        keys.erasure.get(erasure_id, cached_only=True)


def _forged(keys: Keys, erasure_id: bytes) -> dict[str, bytes]:
    good = json.loads(tombstone(keys, erasure_id))
    other = json.loads(tombstone(keys, os.urandom(16)))
    return {
        "another subject's": json.dumps(other).encode(),
        "of another purpose": tombstone(keys, erasure_id, "policy"),
        "another signature": json.dumps(good | {"signature": other["signature"]}).encode(),
        "another format": json.dumps(good | {"format": "x"}).encode(),
        "unknown key": json.dumps(good | {"key_id": "tombstone-0"}).encode(),
        "not even JSON": b"{",
        "no fields": b"{}",
    }


def test_a_tombstone_that_nobody_signed_erases_nobody(keys: Keys) -> None:
    erasure_id = keys.erasure.id_for("photos", "42")
    keys.erasure.obtain(erasure_id)
    for raw in _forged(keys, erasure_id).values():
        bury(keys, erasure_id, raw)
        for ask in (keys.erasure.get, keys.erasure.obtain):
            with pytest.raises(Corrupt, match="tombstone"):
                ask(erasure_id)


def test_every_bit_of_an_erasure_key_counts(keys: Keys) -> None:
    erasure_id = keys.erasure.id_for("photos", "42")
    keys.erasure.obtain(erasure_id)
    raw = path_of(keys, erasure_id).read_bytes()
    assert len(raw) == 92
    for bit in range(len(raw) * 8):
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        bury(keys, erasure_id, bytes(damaged))
        number_of_wrapping_key = bit // 8 in range(12, 16)
        with pytest.raises(KeyMissing if number_of_wrapping_key else Corrupt):
            keys.erasure.get(erasure_id)


@pytest.mark.parametrize("length", [0, 1, 31, 91, 93, 5_000])
def test_a_file_of_another_length_is_refused(keys: Keys, length: int) -> None:
    erasure_id = keys.erasure.id_for("photos", "42")
    keys.erasure.obtain(erasure_id)
    raw = path_of(keys, erasure_id).read_bytes().ljust(length, b"\0")[:length]
    bury(keys, erasure_id, raw)
    for cached_only in (False, True):
        with pytest.raises(Corrupt, match="erasure key"):
            keys.erasure.get(erasure_id, cached_only=cached_only)


def test_a_key_file_under_another_subjects_name_is_refused(keys: Keys) -> None:
    one, two = keys.erasure.id_for("photos", "42"), keys.erasure.id_for("photos", "43")
    keys.erasure.obtain(one)
    bury(keys, two, path_of(keys, one).read_bytes())
    for store in (keys.erasure, again(keys)):
        with pytest.raises(Corrupt, match="another subject"):
            store.get(two)


def test_the_folder_is_not_made_by_a_process_that_misses_it(keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match="folder"):
        ErasureKeys.from_keyset(tmp_path / "not-mounted", keys.data)


class Steps:
    """Notes every durable step; fails the one of its choice."""

    def __init__(self, failing: str = "", error: int = 5) -> None:
        self.seen: list[str] = []
        self.failing = failing
        self.error = error

    def __call__(self, name: str) -> None:
        self.seen.append(name)
        if name == self.failing:
            raise OSError(self.error, "injected")


def test_the_key_is_durable_before_it_is_given(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps()
    monkeypatch.setattr(fileops, "step_hook", steps)
    keys.erasure.obtain(keys.erasure.id_for("photos", "42"))
    order = ["sync_erasure_key!", "link_erasure_key", "link_erasure_key!", "sync_erasure_dir!"]
    assert [name for name in steps.seen if name in order] == order


def test_a_key_that_another_made_is_made_durable_before_it_is_given(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure_id = keys.erasure.id_for("photos", "42")
    again(keys).obtain(erasure_id)  # whose last fsync we know nothing of
    steps = Steps()
    monkeypatch.setattr(fileops, "step_hook", steps)
    keys.erasure.obtain(erasure_id)
    assert "sync_erasure_dir!" in steps.seen
    steps.seen.clear()
    keys.erasure.obtain(erasure_id)
    assert steps.seen == []


@pytest.mark.parametrize(
    "step", ["create", "write", "sync_erasure_key", "link_erasure_key", "sync_erasure_dir"]
)
def test_a_key_whose_making_failed_is_not_given_and_can_be_made_again(
    keys: Keys, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    erasure_id = keys.erasure.id_for("photos", "42")
    monkeypatch.setattr(fileops, "step_hook", Steps(step))
    for _attempt in range(2):
        with pytest.raises(OSError, match="injected"):
            keys.erasure.obtain(erasure_id)
    monkeypatch.setattr(fileops, "step_hook", None)
    key = keys.erasure.obtain(erasure_id)
    assert again(keys).get(erasure_id) == key
    assert len(list(path_of(keys, erasure_id).parent.iterdir())) == 1


def test_a_full_disk_is_told_as_such(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fileops, "step_hook", Steps("write", error=28))
    with pytest.raises(NoSpace):
        keys.erasure.obtain(keys.erasure.id_for("photos", "42"))
