"""A new signing key is known before it is used, and an old one is verified for ever."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contentserver.store import key_rotation
from contentserver.store.errors import Corrupt
from contentserver.store.key_rotation import NoRotation, RotationUnderWay
from contentserver.store.keyset_file import PURPOSES
from tests.support.keys import BRIDGE_ROOT, DATA_ROOT, make_keys


def begin(folder: Path, purpose: str = "checkpoint") -> str:
    return key_rotation.begin(folder, DATA_ROOT, BRIDGE_ROOT, purpose)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_both_sign_and_the_newer_one_alone_where_one_signs(tmp_path: Path, purpose: str) -> None:
    keys = make_keys(tmp_path)
    old = keys.bridge.signing_key(purpose)[0]
    new = begin(tmp_path, purpose)
    assert [key_id for key_id, _ in keys.bridge.signing_keys(purpose)] == [old, new]
    assert keys.bridge.signing_key(purpose)[0] == new


def test_a_reader_that_runs_knows_the_new_key_when_it_meets_it(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    verify = keys.data.verify_keys("policy")
    begin(tmp_path, "policy")
    key_id, key = keys.bridge.signing_key("policy")
    Ed25519PublicKey.from_public_bytes(verify[key_id]).verify(key.sign(b"text"), b"text")
    assert verify.get("policy-unknown") is None
    assert len(verify) == 2


def test_the_old_key_is_verified_for_ever_and_signs_no_more(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    old, signing = keys.bridge.signing_key("checkpoint")
    new = begin(tmp_path)
    assert key_rotation.finish(tmp_path, BRIDGE_ROOT, "checkpoint") == [old]
    assert [key_id for key_id, _ in keys.bridge.signing_keys("checkpoint")] == [new]
    keys.data.refresh()
    verify = keys.data.verify_keys("checkpoint")
    assert list(verify) == [old, new]
    Ed25519PublicKey.from_public_bytes(verify[old]).verify(signing.sign(b"text"), b"text")


def test_other_keys_stay_as_they_are(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    before = {*keys.data.entries(), *keys.bridge.entries()}
    begin(tmp_path)
    keys.data.refresh()
    assert before <= {*keys.data.entries(), *keys.bridge.entries()}


def test_one_rotation_at_a_time(tmp_path: Path) -> None:
    make_keys(tmp_path)
    begin(tmp_path)
    with pytest.raises(RotationUnderWay, match="checkpoint rotate already"):
        begin(tmp_path)
    key_rotation.finish(tmp_path, BRIDGE_ROOT, "checkpoint")
    with pytest.raises(NoRotation, match="do not rotate"):
        key_rotation.finish(tmp_path, BRIDGE_ROOT, "checkpoint")
    begin(tmp_path)


def test_killed_before_the_bridge_has_it_nobody_signs_with_an_unknown_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = make_keys(tmp_path)
    old = keys.bridge.signing_key("checkpoint")[0]
    real, opened = key_rotation.changing, []

    def crash(path: Path, *given: object) -> object:
        opened.append(path.name)
        if path.name == "bridge.keyset":
            raise KeyboardInterrupt
        return real(path, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(key_rotation, "changing", crash)
    with pytest.raises(KeyboardInterrupt):
        begin(tmp_path)
    monkeypatch.undo()
    assert opened == ["data.keyset", "bridge.keyset"]
    assert keys.bridge.signing_key("checkpoint")[0] == old
    new = begin(tmp_path)
    assert new in keys.data.verify_keys("checkpoint")


def test_it_needs_the_right_root_keys(tmp_path: Path) -> None:
    make_keys(tmp_path)
    before = (tmp_path / "data.keyset").read_bytes()
    for roots in ((DATA_ROOT, DATA_ROOT), (BRIDGE_ROOT, BRIDGE_ROOT)):
        with pytest.raises(Corrupt):
            key_rotation.begin(tmp_path, *roots, "checkpoint")
    assert (tmp_path / "data.keyset").read_bytes() == before
