"""Keysets. Promises: a key is never lost, and one that is missing is named."""

import base64
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contentserver.store import fileops, keyset_file
from contentserver.store.errors import Corrupt, KeyMissing
from contentserver.store.keyset import (
    Keyset,
    add_year_key,
    create_keysets,
    new_root_key,
    read_root_key,
)
from contentserver.store.keyset_file import PURPOSES, Entry
from tests.support.keys import BRIDGE_ROOT, DATA_ROOT, make_keys


def test_the_first_start_makes_every_key_there_is(tmp_path: Path) -> None:
    keys = make_keys(tmp_path, (2024, 2025))
    assert keys.data.newest_year_key(2024)[0] == 2024001
    assert keys.data.newest_year_key(2025) == (2025001, keys.data.year_key(2025001))
    lone = [keys.data.naming, keys.data.erasure_key(1), keys.data.url_keys[1]]
    assert {len(key) for key in lone} == {32}
    assert len({*lone, keys.data.year_key(2024001), keys.data.year_key(2025001)}) == 5
    assert (tmp_path / "erasure").is_dir()


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_the_bridge_signs_the_data_plane_verifies(tmp_path: Path, purpose: str) -> None:
    keys = make_keys(tmp_path)
    key_id, key = keys.bridge.signing_key(purpose)
    public = keys.data.verify_keys(purpose)[key_id]
    Ed25519PublicKey.from_public_bytes(public).verify(key.sign(b"text"), b"text")
    assert keys.bridge.verify_keys(purpose) == keys.data.verify_keys(purpose)


def test_the_data_plane_can_sign_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match="sign-policy"):
        make_keys(tmp_path).data.signing_key("policy")


def test_a_second_first_start_changes_nothing(tmp_path: Path) -> None:
    make_keys(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    create_keysets(tmp_path, DATA_ROOT, BRIDGE_ROOT, [2025, 2026])
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_a_first_start_that_broke_off_is_completed(tmp_path: Path) -> None:
    make_keys(tmp_path)
    (tmp_path / "data.keyset").unlink()
    (tmp_path / "data.keyset.seen").unlink()
    keys = make_keys(tmp_path)
    assert keys.bridge.verify_keys("policy") == keys.data.verify_keys("policy")


def test_signing_keys_are_not_made_again_behind_the_back_of_their_readers(tmp_path: Path) -> None:
    make_keys(tmp_path)
    (tmp_path / "bridge.keyset").unlink()
    with pytest.raises(KeyMissing, match=r"bridge\.keyset"):
        create_keysets(tmp_path, DATA_ROOT, BRIDGE_ROOT, [2025])


def test_no_key_is_in_the_clear(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    for name, keyset in (("data", keys.data), ("bridge", keys.bridge)):
        raw = (tmp_path / f"{name}.keyset").read_bytes()
        for entry in keyset.entries():
            assert entry.key not in raw
            assert base64.b64encode(entry.key) not in raw
            assert entry.key.hex().encode() not in raw
        assert (tmp_path / f"{name}.keyset").stat().st_mode & 0o077 == 0


def test_a_new_year_key_is_used_at_once_and_found_by_readers(tmp_path: Path) -> None:
    reader = make_keys(tmp_path).data
    writer = Keyset.open(tmp_path / "data.keyset", DATA_ROOT, "data")
    assert add_year_key(tmp_path / "data.keyset", DATA_ROOT, 2025) == 2025002
    assert add_year_key(tmp_path / "data.keyset", DATA_ROOT, 2026) == 2026001
    assert writer.newest_year_key(2025)[0] == 2025002
    assert reader.year_key(2025002) == writer.year_key(2025002)
    assert reader.year_key(2025001) != reader.year_key(2025002)
    assert (reader.number, reader.alarm) == (3, None)


def test_keys_added_at_the_same_time_are_all_there(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: add_year_key(keys.data_path, DATA_ROOT, 2026), range(20)))
    assert sorted(made) == list(range(2026001, 2026021))
    assert [keys.data.year_key(kek_id) for kek_id in made]


@pytest.mark.parametrize("year", [2024, 2026])
def test_a_year_without_a_key_is_named(tmp_path: Path, year: int) -> None:
    keys = make_keys(tmp_path)
    with pytest.raises(KeyMissing, match=str(year)):
        keys.data.newest_year_key(year)
    with pytest.raises(KeyMissing, match=f"{year}001"):
        keys.data.year_key(year * 1000 + 1)


@pytest.mark.parametrize("kind", ["naming", "erasure", "verify-tombstone"])
def test_any_other_missing_key_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "data.keyset"
    keyset_file.write(path, DATA_ROOT, "data", 1, [Entry("year", "2025001", bytes(32))])
    keyset = Keyset.open(path, DATA_ROOT, "data")
    with pytest.raises(KeyMissing, match=kind):
        {
            "naming": lambda: keyset.naming,
            "erasure": keyset.erasure_key,
            "verify-tombstone": lambda: keyset.verify_keys("tombstone"),
        }[kind]()


def test_a_keyset_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match=r"data\.keyset"):
        Keyset.open(tmp_path / "data.keyset", DATA_ROOT, "data")


def test_it_opens_under_its_own_root_key_and_role_alone(tmp_path: Path) -> None:
    make_keys(tmp_path)
    with pytest.raises(Corrupt, match="root key of the role data"):
        Keyset.open(tmp_path / "data.keyset", BRIDGE_ROOT, "data")
    with pytest.raises(Corrupt, match="not a keyset of the role bridge"):
        Keyset.open(tmp_path / "data.keyset", DATA_ROOT, "bridge")


def _edits() -> list[tuple[str, object]]:
    def drop(d: dict) -> None:
        del d["keys"][0]

    def swap(d: dict) -> None:
        one, two = d["keys"][:2]
        one["wrapped"], two["wrapped"] = two["wrapped"], one["wrapped"]

    def rename(d: dict) -> None:
        d["keys"][0]["id"] = "2030001"

    def renumber(d: dict) -> None:
        d["number"] = 9

    def forget(d: dict) -> None:
        del d["mac"]

    return [(f.__name__, f) for f in (drop, swap, rename, renumber, forget)]


@pytest.mark.parametrize("edit", [e for _, e in _edits()], ids=[n for n, _ in _edits()])
def test_an_edited_keyset_is_refused(tmp_path: Path, edit: object) -> None:
    path = make_keys(tmp_path).data_path
    document = json.loads(path.read_bytes())
    assert callable(edit)
    edit(document)
    path.write_text(json.dumps(document))
    with pytest.raises(Corrupt, match="keyset"):
        Keyset.open(path, DATA_ROOT, "data")


@pytest.mark.parametrize("raw", [b"", b"{}", b"null", b"[]", b'{"keys": 1}', b"\xff", b"[" * 9999])
def test_what_is_no_keyset_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "data.keyset").write_bytes(raw)
    with pytest.raises(Corrupt, match="not a keyset"):
        Keyset.open(tmp_path / "data.keyset", DATA_ROOT, "data")


def test_an_older_keyset_put_back_is_refused_at_the_start(tmp_path: Path) -> None:
    path = make_keys(tmp_path).data_path
    older = path.read_bytes()
    add_year_key(path, DATA_ROOT, 2026)
    path.write_bytes(older)
    with pytest.raises(Corrupt, match="number 1, and 2 was published"):
        Keyset.open(path, DATA_ROOT, "data")


def test_a_running_process_keeps_the_last_good_one_and_raises_an_alarm(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    known = keys.data.year_key(2025001)
    keys.data_path.write_bytes(b"damaged")
    with pytest.raises(KeyMissing):
        keys.data.year_key(2026001)
    assert keys.data.year_key(2025001) == known
    assert keys.data.alarm is not None
    assert "data.keyset" in keys.data.alarm


@pytest.mark.parametrize("step", ["replace_file", "replace", "replace_dir"])
def test_a_change_that_breaks_off_leaves_a_good_keyset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    keys = make_keys(tmp_path)

    def fail(name: str) -> None:
        if name == step:
            raise OSError(5, "injected")

    monkeypatch.setattr(fileops, "step_hook", fail)
    with pytest.raises(OSError, match="injected"):
        add_year_key(keys.data_path, DATA_ROOT, 2026)
    monkeypatch.setattr(fileops, "step_hook", None)
    assert Keyset.open(keys.data_path, DATA_ROOT, "data").year_key(2025001)
    assert add_year_key(keys.data_path, DATA_ROOT, 2026) >= 2026001


def test_a_root_key_comes_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONTENTSERVER_DATA_ROOT_KEY", raising=False)
    path = tmp_path / "data.rootkey"
    text = new_root_key()
    path.write_text(text + "\n")
    assert read_root_key(path) == read_root_key(path, "data") == base64.b64decode(text)


def test_the_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = os.urandom(32)
    monkeypatch.setenv("CONTENTSERVER_BRIDGE_ROOT_KEY", base64.b64encode(key).decode())
    monkeypatch.delenv("CONTENTSERVER_DATA_ROOT_KEY", raising=False)
    assert read_root_key(tmp_path / "none", "bridge") == key
    with pytest.raises(KeyMissing, match="none"):
        read_root_key(tmp_path / "none", "data")


@pytest.mark.parametrize(
    "text", ["", "short", "AAAA", "å" * 44, base64.b64encode(bytes(33)).decode()]
)
def test_a_root_key_of_another_shape_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.rootkey"
    path.write_text(text)
    with pytest.raises(Corrupt, match=r"data\.rootkey is not a root key"):
        read_root_key(path)
