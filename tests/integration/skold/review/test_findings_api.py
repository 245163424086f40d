"""Findings over HTTP: guarded by `audit`, reviewed by POST, each verdict recorded."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from skold.models import Finding
from skold.review import note_finding

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

pytestmark = pytest.mark.django_db
Api = Callable[..., Any]


@pytest.fixture
def finding() -> Finding:
    now = timezone.now()
    for key in ("gap:1", "gap:2"):
        note_finding(rule="gap", key=key, severity="alarm", since=now, until=now, count=1)
    return Finding.objects.get(key="gap:2")


def test_they_are_listed_and_reviewed(plane: "Control", api: Api, finding: Finding) -> None:
    key = plane.client("soc", ["audit"])
    given = {"verdict": "watched", "comment": "We look at the disk of Bo."}
    answer = api("post", f"findings/{finding.pk}/review", key, given)
    assert answer.status_code == 201
    assert answer.json()["by"] == "soc"
    end = plane.records("done")[-1]
    assert (end["resource"], end["verdict"]) == (f"finding:{finding.pk}", "watched")
    assert end["personal"]["comment"] == given["comment"]
    listed = api("get", "findings?verdict=open", key).json()["results"]
    assert [row["verdict"] for row in listed] == ["open"]
    (said,) = api("get", f"findings/{finding.pk}", key).json()["reviews"]
    assert said["verdict"] == "watched"


@pytest.mark.parametrize("given", [{"verdict": "open", "comment": "x"}, {"verdict": "harmless"}])
def test_a_verdict_needs_a_word_and_a_reason(
    plane: "Control", api: Api, finding: Finding, given: dict[str, str]
) -> None:
    key = plane.client("soc", ["audit"])
    assert api("post", f"findings/{finding.pk}/review", key, given).status_code == 400
    assert not finding.reviews.exists()


def test_who_may_not_read_the_audit_finds_nothing(
    plane: "Control", api: Api, finding: Finding
) -> None:
    key = plane.client("portal", ["read", "administer"])
    assert api("get", "findings", key).status_code == 404
    given = {"verdict": "harmless", "comment": "Nothing."}
    assert api("post", f"findings/{finding.pk}/review", key, given).status_code == 404
    assert not finding.reviews.exists()
