"""The circuit breaker: when it opens, who may ask, and that one probe closes it."""

import pytest

from contentserver.delivery.fallback import LegacyUnavailable
from migrator.fallback.breaker import Breaker


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(3)


def test_it_opens_after_so_many_failures_in_a_row(breaker: Breaker) -> None:
    assert not breaker.failed("a")
    assert not breaker.failed("b")
    breaker.succeeded()
    assert not breaker.failed("c")
    assert not breaker.failed("d")
    breaker.check()
    assert breaker.failed("e")
    with pytest.raises(LegacyUnavailable, match="e"):
        breaker.check()


def test_one_hanging_answer_opens_it(breaker: Breaker) -> None:
    assert breaker.failed("frozen", hanging=True)
    assert breaker.state == "open"
    assert breaker.opened == 1


def test_what_was_under_way_when_it_opened_changes_nothing(breaker: Breaker) -> None:
    breaker.failed("frozen", hanging=True)
    breaker.succeeded()
    assert breaker.state == "open"
    assert not breaker.failed("late", hanging=True)
    assert (breaker.opened, breaker.reason) == (1, "frozen")


def test_one_probe_at_a_time_and_nobody_else_meanwhile(breaker: Breaker) -> None:
    assert not breaker.probe()
    breaker.failed("frozen", hanging=True)
    assert breaker.probe()
    assert breaker.state == "half_open"
    assert not breaker.probe()
    with pytest.raises(LegacyUnavailable):
        breaker.check()


def test_a_probe_that_fails_opens_it_again_and_one_that_is_answered_closes_it(
    breaker: Breaker,
) -> None:
    breaker.failed("frozen", hanging=True)
    breaker.probe()
    breaker.probed("still frozen")
    assert (breaker.state, breaker.reason) == ("open", "still frozen")
    breaker.probe()
    breaker.probed(None)
    breaker.check()
    assert not breaker.failed("a")
    assert not breaker.failed("b")
    assert breaker.failed("c"), "failures of before do not count any more"
