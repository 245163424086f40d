"""Findings are noted once and grow while they are open; verdicts are added, never changed."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone

from skold.models import Finding, Review
from skold.review import note_finding, review
from skold.roles import AUDITOR, OPERATOR, ROLES, SECURITY_OFFICER

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def note(**changes: Any) -> bool:
    given: dict[str, Any] = {"rule": "gap", "key": "gap:1", "severity": "warning"}
    given |= {"since": NOW, "until": NOW, "count": 3, "facts": {"writer": "w"}}
    return note_finding(**{**given, **changes})


def test_a_finding_is_noted_once_and_grows_while_it_is_open() -> None:
    assert note()
    later = NOW + dt.timedelta(minutes=5)
    assert not note(until=later, count=9, severity="notice", facts={"missing": 4})
    finding = Finding.objects.get()
    assert (finding.until, finding.count, finding.severity) == (later, 9, "warning")
    assert finding.facts == {"writer": "w", "missing": 4}


def test_a_reviewed_finding_stays_as_it_was_judged() -> None:
    note()
    review(actor="admin:eva", finding=Finding.objects.get(), verdict="harmless", comment="A test.")
    note(count=99)
    assert Finding.objects.get().count == 3


def test_the_newest_verdict_counts_and_the_older_ones_stay() -> None:
    note()
    finding = Finding.objects.get()
    review(actor="admin:eva", finding=finding, verdict="watched", comment="Let us see.")
    review(actor="admin:ola", finding=finding, verdict="incident", comment="It was a theft.")
    assert Finding.objects.get().verdict == "incident"
    assert [said.by for said in finding.reviews.all()] == ["admin:eva", "admin:ola"]


@pytest.mark.parametrize(
    ("verdict", "comment", "field"),
    [("open", "x", "verdict"), ("nonsense", "x", "verdict"), ("harmless", " \n", "comment")],
)
def test_a_verdict_needs_a_word_and_a_reason(verdict: str, comment: str, field: str) -> None:
    note()
    with pytest.raises(ValidationError) as caught:
        review(actor="admin:eva", finding=Finding.objects.get(), verdict=verdict, comment=comment)
    assert field in caught.value.message_dict
    assert not Review.objects.exists()


@pytest.mark.parametrize("act", ["update", "delete"])
def test_postgresql_refuses_to_alter_a_review(act: str) -> None:
    note()
    review(actor="admin:eva", finding=Finding.objects.get(), verdict="harmless", comment="Why.")
    change = {"comment": "Something else."} if act == "update" else {}
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        getattr(Review.objects.all(), act)(**change)


def test_a_finding_of_no_rule_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="no rule"):
        note(rule="weather")


def test_auditor_and_operator_share_no_permission() -> None:
    held = {
        role: set(Group.objects.get(name=role).permissions.values_list("codename", flat=True))
        for role in ROLES
    }
    assert not held[AUDITOR] & held[OPERATOR]
    assert held[SECURITY_OFFICER] - held[AUDITOR] == {"ask_redaction", "approve_redaction"}
    assert "view_auditrecord" in held[AUDITOR]
    assert {"change_client", "change_collection"} <= held[OPERATOR]
    assert not any("download_file" in names for names in held.values())
