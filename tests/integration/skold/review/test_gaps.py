"""Gaps, writers that died, copies that stand still, checkpoints that nobody keeps."""

import datetime as dt

import pytest

from skold.control.review_parts import ReviewParts
from skold.frames import Position
from skold.ledger.mark import Mark, write_ended, write_mark
from skold.models import Finding
from skold.review.judge import judge
from tests.support.audit_rows import AuditRows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("review_of")]
T = dt.datetime(2026, 11, 3, 10, tzinfo=dt.UTC)
NOW = T + dt.timedelta(hours=1)


def found(rule: str) -> list[Finding]:
    return list(Finding.objects.filter(rule=rule).order_by("since"))


def test_a_missing_leaf_and_a_missing_number_are_gaps(rows: AuditRows) -> None:
    rows.add(T, "open")
    rows.access(T)
    rows.leaves += 2  # two leaves never came
    rows._numbers["w"] += 2
    rows.access(T)
    judge(NOW)
    leaf, writer = sorted(found("gap"), key=lambda finding: finding.key)
    assert leaf.facts["missing"] == [3, 4]
    assert (writer.facts["writer"], writer.facts["lacking"]) == ("w", 2)
    assert (leaf.severity, writer.severity) == ("alarm", "alarm")


def test_whole_lives_of_writers_are_no_gaps(rows: AuditRows) -> None:
    for writer in ("w", "v"):
        rows.add(T, "open", writer=writer)
        rows.add(T, "close", writer=writer)
        judge(NOW)
    rows.access(T)  # after its close: that writer may not write any more
    judge(NOW)
    (finding,) = found("gap")
    assert finding.facts["low"] == 2


@pytest.mark.parametrize("broken_off", [True, False])
def test_a_writer_that_died_is_noticed_where_accesses_have_no_end(
    rows: AuditRows, review_of: ReviewParts, broken_off: bool
) -> None:
    rows.add(T, "open")
    rows.access(T)
    if broken_off:
        rows.add(T, "req", client="portal", action="read", decision="allow")
    last = rows._numbers["w"]
    write_mark(review_of.ledger, Mark("node-1", rows.leaves, {}))
    judge(NOW)
    assert found("gap") == []
    write_ended(review_of.ledger, {"w": Position(0, 99, last, b"\0" * 32)})
    rows.add(T, "open", writer="v")
    judge(NOW)
    assert [(f.facts["what"], f.count, f.severity) for f in found("gap")] == (
        [("unended", 1, "notice")] if broken_off else []
    )


def test_a_copy_that_stands_still_is_noticed(rows: AuditRows, review_of: ReviewParts) -> None:
    rows.access(T)
    write_mark(review_of.ledger, Mark("node-1", 500, {}))
    judge(NOW)
    judge(NOW + dt.timedelta(minutes=14))
    assert found("gap") == []
    judge(NOW + dt.timedelta(minutes=15))
    judge(NOW + dt.timedelta(minutes=20))
    (finding,) = found("gap")
    assert (finding.facts["what"], finding.count) == ("still_copy", 498)


@pytest.mark.parametrize(("hours", "expected"), [(23, 0), (25, 1)])
def test_a_day_without_any_anchor_is_noticed(rows: AuditRows, hours: int, expected: int) -> None:
    rows.access(T)
    judge(T + dt.timedelta(hours=hours))
    judge(T + dt.timedelta(hours=hours + 5) if expected else T)
    assert len(found("unanchored")) == expected
