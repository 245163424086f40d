"""Grants of certain years. The promise: what no grant reaches is refused, several add up, and who
does not look at years gets nothing that depends on them.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skold.granted import compile_granted
from skold.policy_rules import GrantRule
from skold.principals import Decision
from tests.support.policies import Institution, grant


def rule(number, prefix="", first=None, last=None):
    return GrantRule(number, "campus", "photos", frozenset(("read",)), prefix, first, last)


@pytest.fixture
def house():
    house = Institution()
    house.payload["grants"] = [
        grant(1, "campus", "photos", "read", prefix="a/", first_year=2024, last_year=2025),
        grant(2, "campus", "photos", "read", first_year=2026, last_year=None),
        grant(3, "campus", "photos", "write"),
    ]
    return house


def decide(house, key="a/1.jpg", action="read", **asked):
    gate = house.gate()
    return gate.decide(gate.identify(house.asks()), action, "photos", key, **asked)


@pytest.mark.parametrize(
    ("key", "year", "reason", "ruled"),
    [
        ("a/1.jpg", 2023, "outside_years", "grant:1"),
        ("a/1.jpg", 2024, "granted", "grant:1"),
        ("a/1.jpg", 2025, "granted", "grant:1"),
        ("a/1.jpg", 2026, "granted", "grant:2"),
        ("b/1.jpg", 2025, "outside_years", "grant:2"),
        ("b/1.jpg", 2030, "granted", "grant:2"),
        (None, 2030, "granted", "grant:2"),
        (None, 2024, "outside_years", "grant:2"),
    ],
)
def test_the_year_decides_under_the_rule_that_reaches_it(house, key, year, reason, ruled):
    decision = decide(house, key, year=year)
    assert (decision.reason, decision.rule, decision.allowed) == (
        reason,
        ruled,
        reason == "granted",
    )
    assert decision.years is None


def test_who_names_no_year_and_does_not_promise_to_look_is_refused(house):
    assert decide(house).reason == "outside_years"
    assert decide(house, action="write").allowed


def test_who_promises_to_look_gets_the_years(house):
    decision = decide(house, year_follows=True)
    assert decision.allowed
    assert [year for year in range(2020, 2030) if year in decision.years] == [
        *(2024, 2025, 2026, 2027, 2028, 2029)
    ]
    assert decision.of_year(2023).reason == "outside_years"
    assert decision.of_year(None).reason == "outside_years"


def test_one_grant_without_years_is_enough(house):
    house.payload["grants"].append(grant(9, "campus", "photos", "read", prefix="a/"))
    assert decide(house).rule == "grant:9"
    assert decide(house, key="b/1.jpg").reason == "outside_years"


def test_a_signed_url_reaches_only_years_for_which_its_signer_may_sign(house):
    house.payload["grants"].append(
        grant(4, "campus", "photos", "sign", first_year=2025, last_year=2026)
    )
    gate = house.gate()
    principal = gate.identify(house.asks_signed())
    decision = gate.decide(principal, "read", "photos", "a/1.jpg", year_follows=True)
    assert [year for year in range(2020, 2030) if year in decision.years] == [2025, 2026]
    house.payload["grants"].pop()
    gate = house.gate()
    assert gate.decide(principal, "read", "photos", "a/1.jpg").reason == "no_grant_to_sign"


KEYS = st.text("ab/", max_size=4)
YEARS = st.one_of(st.none(), st.integers(2020, 2024))
GRANTS = st.lists(st.tuples(KEYS, YEARS, YEARS), max_size=8)


@given(GRANTS, KEYS, st.integers(2018, 2026))
def test_adding_up_beforehand_is_the_same_as_asking_each_grant(rows, key, year):
    grants = [rule(n, *row) for n, row in enumerate(rows, 1)]
    reaching = [each for each in grants if key.startswith(each.prefix)]
    wanted = [
        each
        for each in reaching
        if (each.first_year or 0) <= year <= (9999 if each.last_year is None else each.last_year)
    ]
    found = compile_granted(grants).find(key)
    assert (found is None) is (not reaching)
    if found is not None:
        told: Decision = found.of_year(year)
        assert told.allowed is bool(wanted)
        if wanted:
            assert told.rule in {f"grant:{each.id}" for each in wanted}


def test_a_whole_collection_is_answered_by_grants_without_a_prefix_alone():
    granted = compile_granted([rule(1, "a"), rule(2, "ab")])
    assert granted.find(None) is None
    assert granted.find("ab").rule == "grant:1"
    assert compile_granted([rule(3, "a"), rule(4)]).find(None).rule == "grant:4"
