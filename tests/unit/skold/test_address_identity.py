"""Clients by the address they ask at. The promise: only an enabled client with networks of its own,
and only from there.
"""

import pytest

from skold.principals import Principal, Reject
from tests.support.policies import Institution, client

PLACE = "/photo?id={id}"


@pytest.fixture
def house():
    house = Institution()
    house.payload["clients"].append(client("portal", address_ranges=["10.1.0.0/16"]))
    return house


def identify(house, name="portal", **changes):
    return house.gate().identify_at(name, PLACE, house.asks(authorization=None, **changes))


def test_it_is_the_declared_client_from_its_network(house):
    assert identify(house) == Principal("portal", PLACE, "legacy_address")


def test_it_may_name_whom_it_acts_for(house):
    known = identify(house, on_behalf_of="ann")
    assert (known.end_user, known.end_user_known) == ("ann", "asserted")
    assert identify(house, on_behalf_of="a\nb") == Reject("malformed_on_behalf_of", PLACE, "portal")


@pytest.mark.parametrize("address", ["10.2.0.1", "::1", "local", ""])
def test_from_elsewhere_it_is_a_reject(house, address):
    assert identify(house, address=address) == Reject("address_outside", PLACE, "portal")


def test_a_client_without_networks_is_a_reject(house):
    assert identify(house, "campus") == Reject("no_address_ranges", PLACE, "campus")


def test_a_disabled_client_is_a_reject(house):
    house.payload["clients"][-1]["enabled"] = False
    assert identify(house) == Reject("client_disabled", PLACE, "portal")


def test_a_client_that_is_gone_is_a_reject(house):
    assert identify(house, "gone") == Reject("unknown_client", PLACE)


def test_its_grants_decide_as_ever(house):
    decision = house.gate().decide(identify(house), "read", "photos", "a.jpg")
    assert (decision.allowed, decision.reason) == (False, "no_grant")
