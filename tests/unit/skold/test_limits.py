"""Limits. The promises: a client gets what it may and a burst of a second besides; a node gives no
more than the number of its processes allows; and nobody who lacks a client's secret can take its
share, from elsewhere or from the same network.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skold.limits import MAX_BUCKETS, Limits
from skold.policy import Policy
from skold.principals import Principal
from tests.support.policies import Institution, client

CAMPUS = Principal("campus", "key-1", "api_key")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def policy(limit=10):
    payload = Institution().payload
    payload["clients"] = [client("campus", requests_per_second=limit), client("free")]
    return Policy.from_payload(payload)


def limits(clock, workers=1, per_address=0):
    return Limits(workers=workers, per_address=per_address, monotonic=clock)


def passed(each, count, principal=CAMPUS, address="10.1.2.3", under=None):
    under = under or policy()
    return sum(each.admit(principal, address, under) is None for _ in range(count))


def test_a_second_passes_at_once_and_then_as_many_as_the_limit_says(clock):
    each, under = limits(clock), policy()
    assert passed(each, 30, under=under) == 10
    clock.now += 0.5
    assert passed(each, 30, under=under) == 5
    clock.now += 100
    assert passed(each, 30, under=under) == 10


def test_one_too_many_is_told_when_there_is_room(clock):
    each, under = limits(clock), policy(limit=1)
    assert each.admit(CAMPUS, "10.1.2.3", under) is None
    excess = each.admit(CAMPUS, "10.1.2.3", under)
    assert excess == ("client_limit", 1)
    clock.now += excess.retry_after
    assert each.admit(CAMPUS, "10.1.2.3", under) is None


def test_a_client_without_a_limit_has_none(clock):
    assert passed(limits(clock), 1000, Principal("free", "k", "api_key")) == 1000


@given(st.integers(1, 50), st.integers(1, 8), st.lists(st.floats(0, 2), max_size=60))
def test_a_node_never_gives_more_than_its_processes_allow(limit, workers, pauses):
    clock = Clock()
    processes = [limits(clock, workers) for _ in range(workers)]
    under = policy(limit)
    total = sum(passed(each, limit + 5, under=under) for each in processes)
    for pause in pauses:
        clock.now += pause
        total += sum(passed(each, 5, under=under) for each in processes)
    assert total <= limit * (clock.now - Clock.now + workers) + 1e-6 * len(pauses) + 1


def test_one_connection_gets_its_process_share_after_a_burst_of_the_whole_limit(clock):
    each, under = limits(clock, workers=4), policy(limit=8)
    assert passed(each, 50, under=under) == 8
    clock.now += 10
    assert passed(each, 50, under=under) == 8
    got = 0
    for _ in range(100):
        clock.now += 0.1
        got += passed(each, 5, under=under)
    assert got == 20  # 8 / 4 a second for ten seconds


@pytest.mark.parametrize("kind", ["signed_url", "legacy_address"])
def test_what_others_can_repeat_takes_nothing_from_the_client_itself(clock, kind):
    each, under = limits(clock), policy()
    repeated = Principal("campus", "kid-1", kind)
    assert passed(each, 100, repeated, "203.0.113.7", under) == 10
    assert passed(each, 100, repeated, "203.0.113.8", under) == 0  # the same /24
    assert passed(each, 100, repeated, "198.51.100.1", under) == 10
    assert passed(each, 100, CAMPUS, "203.0.113.7", under) == 10


@pytest.mark.parametrize("kind", ["token", "certificate"])
def test_all_credentials_of_its_own_share_a_clients_limit(clock, kind):
    each, under = limits(clock), policy()
    assert passed(each, 6, CAMPUS, under=under) == 6
    assert passed(each, 6, Principal("campus", "c", kind), "198.51.100.1", under) == 4


def test_a_stranger_elsewhere_takes_nothing_from_anybody(clock):
    each, under = limits(clock, per_address=100), policy(limit=50)
    for _ in range(10_000):
        each.admit_stranger("203.0.113.7")
    assert passed(each, 100, under=under) == 50


def test_a_stranger_behind_the_same_address_leaves_half_and_all_that_grows_back(clock):
    each, under = limits(clock, per_address=100), policy(limit=1000)
    let_in = sum(each.admit_stranger("10.1.2.3") is None for _ in range(10_000))
    assert let_in == 50
    assert passed(each, 1000, under=under) == 50
    got = 0
    for _ in range(200):  # the stranger never stops, and always asks first
        clock.now += 0.01
        for _ in range(100):
            each.admit_stranger("10.1.2.3")
        got += passed(each, 10, under=under)
    assert got == 200  # two seconds at the full 100 of the address


def test_one_address_is_one_place_and_of_ipv6_a_network(clock):
    each, under = limits(clock, per_address=10), policy(limit=1000)
    assert passed(each, 20, address="10.1.2.3", under=under) == 10
    assert passed(each, 20, address="10.1.2.4", under=under) == 10
    assert passed(each, 20, address="2001:db8::1", under=under) == 10
    assert passed(each, 20, address="2001:db8::2", under=under) == 0
    excess = each.admit(CAMPUS, "2001:db8::2", under)
    assert excess.reason == "address_limit"


def test_no_crowd_of_addresses_takes_more_memory_than_allowed_or_locks_anybody_out(clock):
    each, under = limits(clock, per_address=1), policy(limit=1000)
    for number in range(MAX_BUCKETS + 10):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        each.admit_stranger(address)
        each.admit_stranger(address)
    assert len(each._addresses) <= MAX_BUCKETS
    assert each.admit(CAMPUS, "203.0.113.7", under) is None


def test_another_policy_brings_other_limits(clock):
    each = limits(clock)
    assert passed(each, 20, under=policy(limit=5)) == 5
    clock.now += 10
    assert passed(each, 20, under=policy(limit=15)) == 15
