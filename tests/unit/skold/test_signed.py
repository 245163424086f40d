"""Signed files. The promise: an older or foreign policy is never obeyed, a lost one is noticed."""

import json
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from skold.high_water import HighWater
from skold.signed import (
    PolicyMissing,
    PolicyTooOld,
    SignatureInvalid,
    SignedFile,
    publish,
    sign,
    verify,
)

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
KEYS = {"bridge-1": KEY.public_key().public_bytes_raw()}
NOW = 1_795_000_000


def signed(number, payload=None, *, issued_at=NOW, kind="policy", key=KEY, key_id="bridge-1"):
    return sign(kind, number, payload or {"a": 1}, key_id, key, issued_at=issued_at)


class Followed:
    """A signed file, and a clock that a test moves."""

    def __init__(self, folder, max_age=100):
        self.path = folder / "policy.json"
        self.max_age = max_age
        self.now = NOW
        self.file = self.again()

    def again(self):
        """As after a restart of the reading process."""
        return SignedFile(
            self.path,
            "policy",
            KEYS,
            self.max_age,
            0,
            clock=lambda: self.now * 1_000_000_000,
            monotonic=lambda: self.now,
        )


@pytest.fixture
def followed(tmp_path):
    return Followed(tmp_path)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values), st.integers(0, 2**50))
def test_what_is_signed_verifies_and_is_read_back(payload, number):
    document = verify(sign("policy", number, payload, "bridge-1", KEY), "policy", KEYS)
    assert (document.number, document.payload) == (number, payload)


@given(st.data())
def test_no_changed_field_verifies(data):
    fields = json.loads(signed(7, {"clients": [], "limit": 5}))
    name = data.draw(st.sampled_from(sorted(fields)))
    value = data.draw(values.filter(lambda value: value != fields[name]))
    with pytest.raises(SignatureInvalid):
        verify(json.dumps({**fields, name: value}).encode(), "policy", KEYS)


def test_white_space_does_not_count():
    fields = json.loads(signed(7))
    assert verify(json.dumps(fields, indent=7).encode(), "policy", KEYS).number == 7


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b"null", b"\xff", b'{"a": NaN}'])
def test_other_bytes_do_not_verify(raw):
    with pytest.raises(SignatureInvalid):
        verify(raw, "policy", KEYS)


def test_a_foreign_key_does_not_verify():
    stranger = Ed25519PrivateKey.generate()
    with pytest.raises(SignatureInvalid, match="signature"):
        verify(signed(7, key=stranger), "policy", KEYS)
    with pytest.raises(SignatureInvalid, match="other-1"):
        verify(signed(7, key_id="other-1"), "policy", KEYS)


def test_a_layout_is_not_a_policy():
    with pytest.raises(SignatureInvalid, match="layout"):
        verify(signed(7, kind="layout"), "policy", KEYS)


def test_floats_cannot_be_signed():
    with pytest.raises(TypeError, match=r"payload\.a\[1\]\.b"):
        signed(1, {"a": [1, {"b": 1.5}]})


def test_it_takes_a_newer_one_and_keeps_no_alarm(followed):
    for number in (1, 2, 5):
        publish(followed.path, signed(number))
        assert followed.file.current().number == number
        assert followed.file.alarm is None


def test_nothing_there_is_missing_and_says_where(followed):
    with pytest.raises(PolicyMissing, match=r"policy\.json"):
        followed.file.current()
    assert followed.file.age_seconds is None


@pytest.mark.parametrize("raw", [b"", b"{}", signed(9, key=Ed25519PrivateKey.generate())])
def test_one_that_does_not_verify_is_an_alarm_and_the_last_good_one_stays(followed, raw):
    publish(followed.path, signed(3))
    followed.file.current()
    publish(followed.path, raw)
    assert followed.file.current().number == 3
    assert followed.file.alarm
    publish(followed.path, signed(4))
    assert followed.file.current().number == 4
    assert followed.file.alarm is None


def test_one_that_vanishes_is_an_alarm_and_the_last_good_one_stays(followed):
    publish(followed.path, signed(3))
    followed.file.current()
    followed.path.unlink()
    assert followed.file.current().number == 3
    assert "cannot be read" in followed.file.alarm
    publish(followed.path, signed(3))
    assert followed.file.current().number == 3
    assert followed.file.alarm is None


def test_a_lower_number_is_refused_also_after_a_restart(followed):
    publish(followed.path, signed(7))
    followed.file.current()
    publish(followed.path, signed(6, {"revoked": False}))
    assert followed.file.current().number == 7
    assert "lower" in followed.file.alarm
    with pytest.raises(PolicyMissing, match="lower"):
        followed.again().current()


def test_the_same_number_with_an_older_stamp_is_refused(followed):
    publish(followed.path, signed(7, issued_at=NOW))
    followed.file.current()
    publish(followed.path, signed(7, issued_at=NOW - 60))
    assert followed.file.current().issued_at == NOW
    assert followed.file.alarm


def test_it_is_too_old_one_second_after_its_age(followed):
    publish(followed.path, signed(1))
    followed.now = NOW + 100
    assert followed.file.current().number == 1
    followed.now = NOW + 101
    with pytest.raises(PolicyTooOld, match="bridge"):
        followed.file.current()
    assert followed.file.age_seconds == 101
    publish(followed.path, signed(2, issued_at=followed.now))
    assert followed.file.current().number == 2


def test_without_a_limit_it_is_never_too_old(tmp_path):
    followed = Followed(tmp_path, max_age=None)
    publish(followed.path, signed(1))
    followed.now = NOW + 10**9
    assert followed.file.current().number == 1


def test_it_looks_at_the_file_once_an_interval_and_reads_it_only_when_changed(
    tmp_path, monkeypatch
):
    publish(tmp_path / "policy.json", signed(1))
    now = [0.0]
    file = SignedFile(
        tmp_path / "policy.json",
        "policy",
        KEYS,
        None,
        0.25,
        monotonic=lambda: now[0],
    )
    looks, stat = [], os.stat
    monkeypatch.setattr(os, "stat", lambda *a, **k: (looks.append(a), stat(*a, **k))[1])
    first = file.current()
    for now[0] in (0.1, 0.2, 0.24):
        assert file.current() is first
    mine = [look for look in looks if look[0] == tmp_path / "policy.json"]
    assert len(mine) == 1
    now[0] = 0.26
    assert file.current() is first
    mine = [look for look in looks if look[0] == tmp_path / "policy.json"]
    assert len(mine) == 2


def test_a_folder_where_the_number_cannot_be_kept_is_an_alarm(followed):
    (followed.path.parent / "policy.json.highest").mkdir()
    publish(followed.path, signed(1))
    with pytest.raises(OSError, match="highest"):
        HighWater(followed.path)._write(1)
    assert followed.file.current().number == 1
    assert "highest" in followed.file.alarm


def _raise_to(path, numbers):
    for number in numbers:
        HighWater(path).raise_to(number)


def test_the_highest_number_never_falls_however_many_write_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "policy.json"
    workers = [
        context.Process(target=_raise_to, args=(path, range(first, 120, 3))) for first in range(3)
    ]
    for worker in workers:
        worker.start()
    seen = []
    while any(worker.is_alive() for worker in workers):
        seen.append(HighWater(path).read())
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert seen == sorted(seen)
    assert HighWater(path).read() == 119


def test_publishing_leaves_the_old_file_or_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "policy.json"
    publish(path, signed(1))

    def fail(*_):
        raise OSError("injected")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="injected"):
        publish(path, signed(2))
    assert verify(path.read_bytes(), "policy", KEYS).number == 1
    assert os.listdir(tmp_path) == ["policy.json"]


def test_threads_that_ask_at_the_same_moment_all_get_it(followed, monkeypatch):
    """The first reader of a process once made the others believe that nothing was there."""
    publish(followed.path, signed(1))
    monkeypatch.setattr("skold.signed.verify", slowly(verify))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: followed.file.current().number, range(8)))
    assert found == [1] * 8


def slowly(function):
    def wait_first(*arguments):
        time.sleep(0.1)
        return function(*arguments)

    return wait_first
