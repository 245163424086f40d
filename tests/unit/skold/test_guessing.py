"""Guessing. The promise: whoever guesses is noticed, whoever made one mistake is not."""

import pytest

from skold.guessing import GUESSES, MAX_TRACKED, WINDOW, Guessing


def test_a_network_is_noticed_once_when_it_reaches_the_threshold():
    watch = Guessing(threshold=3)
    told = [watch.note("unknown_key", None, f"10.1.2.{n}", 1000.0) for n in range(5)]
    assert told == [[], [], ["network"], [], []]
    assert watch.suspects(1001.0) == {"network": 1, "credential": 0}


def test_a_credential_is_noticed_wherever_they_try_it_from():
    watch = Guessing(threshold=3)
    told = [watch.note("wrong_secret", "key-1", f"10.{n}.2.3", 1000.0) for n in range(3)]
    assert told == [[], [], ["credential"]]
    assert watch.suspects(1001.0) == {"network": 0, "credential": 1}


def test_it_counts_over_minutes_and_forgets():
    watch = Guessing(threshold=3)
    start = 10 * WINDOW
    for pause in (0, WINDOW / 2):
        assert watch.note("wrong_secret", None, "10.1.2.3", start + pause) == []
    assert watch.note("wrong_secret", None, "10.1.2.3", start + WINDOW / 2 + 1) == ["network"]
    assert watch.suspects(start + 3 * WINDOW) == {"network": 0, "credential": 0}


@pytest.mark.parametrize("reason", ["no_credential", "key_expired", "address_outside", "anonymous"])
def test_what_was_valid_once_or_claims_nothing_is_no_guess(reason):
    watch = Guessing(threshold=1)
    assert reason not in GUESSES
    assert watch.note(reason, "key-1", "10.1.2.3", 1000.0) == []


def test_nobody_stays_below_by_spreading_over_processes():
    watches = [Guessing(threshold=10, workers=4) for _ in range(4)]
    told = [
        kind
        for number in range(12)
        for kind in watches[number % 4].note("wrong_secret", None, "10.1.2.3", 1000.0)
    ]
    assert "network" in told


def test_a_crowd_takes_no_more_memory_than_allowed_and_is_noticed():
    watch = Guessing(threshold=50)
    told = []
    for number in range(MAX_TRACKED + 60):
        told += watch.note("unknown_key", None, f"{1 + number // 250}.0.{number % 250}.1", 1000.0)
    assert len(watch._now) <= MAX_TRACKED + 2
    assert told == ["network"]


def test_it_can_be_switched_off():
    watch = Guessing(threshold=0)
    assert watch.note("wrong_secret", "key-1", "10.1.2.3", 1000.0) == []
    assert watch.suspects(1000.0) == {"network": 0, "credential": 0}
