"""The rules: what they notice, what they leave alone, and that each record is judged once."""

import datetime as dt
from typing import Any

import pytest

from skold.models import AuditHour, Finding, KnownNetwork, ReviewMark
from skold.review import review
from skold.review.bursts import percentile_95
from skold.review.judge import judge
from skold.tasks import judge_audit
from tests.support.audit_rows import AuditRows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("review_of")]
T = dt.datetime(2026, 11, 3, 10, tzinfo=dt.UTC)
NOW = T + dt.timedelta(hours=1)


def refuse(rows: AuditRows, minute: float, **more: Any) -> None:
    asked = {"decision": "refuse", "reason": "no_grant", "credential": "key-1", **more}
    private = {"network": "10.1.2.3", "end_user": "anna", **asked.pop("private", {})}
    private = {name: value for name, value in private.items() if value is not None}
    rows.access(T + dt.timedelta(minutes=minute), private=private, **asked)


def found(rule: str) -> list[Finding]:
    return list(Finding.objects.filter(rule=rule).order_by("since"))


def test_ten_refusals_within_ten_minutes_are_one_finding(rows: AuditRows) -> None:
    for number in range(10):
        refuse(rows, number)
    judge(NOW)
    (finding,) = found("refusals")
    assert (finding.count, finding.client, finding.severity) == (10, "portal", "warning")
    assert finding.since == T
    assert finding.facts["by"] == "end_user"
    assert finding.facts["records"][0] == "node-1:0"
    assert "anna" not in f"{finding.facts}{finding.key}"


@pytest.mark.parametrize(("count", "minutes"), [(9, 1), (40, 1.2)])
def test_few_or_slow_refusals_are_none(rows: AuditRows, count: int, minutes: float) -> None:
    for number in range(count):
        refuse(rows, number * minutes)
    judge(NOW)
    assert found("refusals") == []


def test_a_streak_across_two_runs_is_found_and_grows(rows: AuditRows) -> None:
    for number in range(6):
        refuse(rows, number)
    judge(NOW)
    assert found("refusals") == []
    for number in range(6, 12):
        refuse(rows, number)
    judge(NOW)
    refuse(rows, 12)
    judge(NOW)
    (finding,) = found("refusals")
    assert (finding.count, finding.since) == (13, T)


def test_what_goes_on_after_a_review_is_found_again(rows: AuditRows) -> None:
    for number in range(10):
        refuse(rows, number)
    judge(NOW)
    review(actor="admin:eva", finding=found("refusals")[0], verdict="harmless", comment="A test.")
    for number in range(10, 20):
        refuse(rows, number)
    judge(NOW)
    first, second = found("refusals")
    assert (first.count, second.count) == (10, 10)


def test_each_record_is_judged_once(rows: AuditRows) -> None:
    for number in range(10):
        refuse(rows, number)
    assert judge(NOW, size=7) == 20
    assert judge(NOW) == 0
    assert ReviewMark.objects.get().next_leaf == 20
    assert len(found("refusals")) == 1


def test_the_narrowest_actor_is_named(rows: AuditRows) -> None:
    for number in range(20):
        refuse(rows, number / 10, private={"end_user": f"user-{number}"})
    judge(NOW)
    (finding,) = found("refusals")
    assert finding.facts["by"] == "credential"


def test_guesses_from_one_network_are_found_whatever_they_guess(rows: AuditRows) -> None:
    reasons = [
        "unknown_key",
        "wrong_secret",
        "wrong_signature",
        "malformed_key",
        "malformed_token",
    ]
    for number in range(10):
        person = {"network": f"10.9.9.{number}", "end_user": None}
        refuse(
            rows, number, reason=reasons[number % 5], credential=None, client=None, private=person
        )
    judge(NOW)
    (finding,) = found("guessing")
    assert (finding.count, finding.client) == (10, "")
    assert found("refusals") == []


def test_expired_keys_are_no_guesses(rows: AuditRows) -> None:
    for number in range(12):
        refuse(rows, number / 2, reason="key_expired")
    judge(NOW)
    assert found("guessing") == []
    assert len(found("refusals")) == 1


def test_a_flood_counts_with_its_number(rows: AuditRows) -> None:
    rows.add(T, "flood", count=480, second=int(T.timestamp()), private={"network": "10.9.9.0/24"})
    judge(NOW)
    (finding,) = found("guessing")
    assert (finding.count, finding.severity) == (480, "alarm")


def test_a_flood_of_forbidden_requests_is_no_guessing(rows: AuditRows) -> None:
    person = {"network": "10.9.9.0/24"}
    rows.add(T, "flood", count=480, reason="no_grant", credential="key-1", private=person)
    judge(NOW)
    assert found("guessing") == []
    (finding,) = found("refusals")
    assert (finding.count, finding.facts["by"]) == (480, "credential")


def hours(client: str, counts: list[int], until: dt.datetime = T) -> None:
    for number, count in enumerate(reversed(counts), start=1):
        AuditHour.objects.create(
            hour=until - dt.timedelta(hours=number), node="node-1", plane="data", client=client,
            action="read", decision="allow", outcome="served", count=count, bytes=0,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([300] * 30, 2000, 1),
        ([300] * 30, 1400, 0),  # above 1,000, not five times the usual
        ([3] * 30, 40, 0),  # far above the usual, and tiny
        ([300] * 10, 9000, 0),  # too little is known of it
        ([300] * 20 + [4000] * 4, 9000, 0),  # its loud hours are usual, too
    ],
)
def test_a_burst_is_far_above_the_clients_own_usual_hour(
    rows: AuditRows, before: list[int], now: int, expected: int
) -> None:
    hours("portal", before)
    hours("portal", [now - 1], until=T + dt.timedelta(hours=1))
    rows.access(T, action="list")  # counts itself into the hour
    judge(NOW)
    assert len(found("burst")) == expected


def test_the_95th_percentile_is_by_nearest_rank() -> None:
    assert percentile_95(list(range(1, 101))) == 95
    assert percentile_95([7]) == 7


@pytest.mark.parametrize(("age", "expected"), [(13, 0), (15, 1)])
def test_a_new_network_is_noticed_once_the_client_is_known(
    rows: AuditRows, age: int, expected: int
) -> None:
    since = T - dt.timedelta(days=age)
    KnownNetwork.objects.create(client="portal", network="10.1.2.0/24", first_at=since, last_at=T)
    rows.access(T, private={"network": "192.0.2.7"}, credential="key-1")
    judge(NOW)
    assert len(found("new_address")) == expected


def test_beats_task_judges(rows: AuditRows) -> None:
    for number in range(10):
        refuse(rows, number)
    assert judge_audit() == 20
    assert len(found("refusals")) == 1
