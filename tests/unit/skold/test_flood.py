"""Refusals in a flood. The promise: each is recorded or counted, and none can fill the disk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skold.flood import Flood, FloodCount, network_of


def test_the_first_twenty_of_a_second_are_recorded_and_the_rest_counted():
    flood = Flood()
    admitted = [flood.admit("key-1", "10.1.2.3", 5.5) for _ in range(50)]
    assert admitted == [True] * 20 + [False] * 30
    assert flood.take_counts(5.9) == []
    assert flood.take_counts(6.0) == [FloodCount("key-1", "10.1.2.0/24", 5, 30, "")]
    assert flood.take_counts(7.0) == []


def test_a_new_second_begins_anew():
    flood = Flood(limit=1)
    assert [flood.admit(None, "10.1.2.3", now) for now in (1.0, 1.9, 2.0, 2.1)] == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (("k", "10.1.2.3"), ("k", "10.1.2.250"), True),
        (("k", "10.1.2.3"), ("k", "10.1.3.3"), False),
        (("k", "10.1.2.3"), ("j", "10.1.2.3"), True),
        ((None, "10.1.2.3"), ("j", "10.1.2.3"), True),
        (("k", "2001:db8::1"), ("k", "2001:db8::ffff:1"), True),
        (("k", "2001:db8::1"), ("k", "2001:db8:0:1::1"), False),
        (("k", "::ffff:10.1.2.3"), ("k", "10.1.2.9"), True),
        (("k", "unix"), ("k", "unix"), True),
    ],
)
def test_neighbours_share_a_limit(one, other, together):
    flood = Flood(limit=1)
    assert flood.admit(*one, 1.0)
    assert flood.admit(*other, 1.0) is not together


def test_a_flood_from_everywhere_takes_no_more_memory_than_allowed():
    flood = Flood(limit=2, max_buckets=3)
    admitted = [flood.admit(None, f"10.0.{i}.1", 1.0) for i in range(100)]
    assert admitted.count(True) == 5  # three networks, and two of all the others together
    assert flood.take_counts(2.0) == [FloodCount(None, "others", 1, 95)]


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", None]), st.integers(0, 3), st.integers(0, 3)), max_size=200
    )
)
def test_every_refusal_is_recorded_or_counted(refusals):
    flood = Flood(limit=3, max_buckets=4)
    refusals.sort(key=lambda refusal: refusal[2])
    recorded = sum(flood.admit(who, f"10.0.{net}.1", now) for who, net, now in refusals)
    assert recorded + sum(c.count for c in flood.take_counts(99)) == len(refusals)


def test_what_is_no_address_is_a_network_of_its_own():
    assert network_of("somewhere") == "somewhere"


def test_whether_it_is_counted_does_not_tell_a_known_id_from_an_invented_one():
    flood = Flood(limit=1)
    assert flood.admit(None, "10.1.2.3", 1.0, "unknown_key")
    assert not flood.admit("known", "10.1.2.3", 1.0, "wrong_secret")
    assert not flood.admit(None, "10.1.2.3", 1.0, "unknown_key")
    assert {(c.credential, c.reason, c.count) for c in flood.take_counts(2.0)} == {
        ("known", "wrong_secret", 1),
        (None, "unknown_key", 1),
    }


def test_a_client_beyond_its_limit_is_not_hidden_by_those_who_try_its_key():
    flood = Flood(limit=1)
    assert [flood.admit("key", "10.1.2.3", 1.0, "wrong_secret") for _ in range(3)] == [
        True,
        False,
        False,
    ]
    assert flood.admit("key", "10.1.2.3", 1.0, "client_limit", valid=True)
    assert not flood.admit("key", "10.1.2.3", 1.0, "client_limit", valid=True)
    assert flood.admit("other", "10.1.2.3", 1.0, "client_limit", valid=True)
