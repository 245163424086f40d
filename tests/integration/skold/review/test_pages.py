"""The pages of the review: who may see them, what they tell, and that looking is recorded."""

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client as Browser
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from contentserver.catalog.models import Collection, File, StoredVersion
from skold.control import review_parts
from skold.control.recording import ControlAccess
from skold.models import AuditHour, Finding
from skold.review import note_finding
from skold.roles import AUDITOR, OPERATOR, SECURITY_OFFICER

if TYPE_CHECKING:
    from tests.integration.skold.review.conftest import Reviewed

pytestmark = pytest.mark.django_db
PAGES = (
    *("auditrecord_changelist", "auditrecord_dashboard", "auditrecord_people"),
    *("auditrecord_file_story", "auditrecord_person_story", "auditrecord_export"),
    "finding_changelist",
)
ADDRESS = "ab" * 16


def found() -> Finding:
    now = timezone.now()
    note_finding(
        rule="burst", key="burst:1", severity="warning", since=now, until=now, count=9000,
        client="portal", facts={"usual": 300, "factor": 5, "days": 28},
    )  # fmt: skip
    return Finding.objects.get()


def page(browser: Browser, name: str, args: Any = (), status: int = 200, **query: str) -> str:
    answer = browser.get(reverse(f"admin:skold_{name}", args=args), query)
    assert answer.status_code == status
    return answer.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_an_operator_sees_nothing_of_the_audit(reviewed: "Reviewed", name: str) -> None:
    operator = reviewed.browser("olle", OPERATOR)
    page(operator, name, status=403, address=ADDRESS)
    (request,) = reviewed.plane.records("req")
    assert (request["decision"], request["reason"]) == ("refuse", "no_permission")
    index = operator.get(reverse("admin:index")).content.decode()
    assert "/admin/skold/auditrecord/" not in index
    assert "/admin/skold/client/" in index


def test_an_operator_gives_no_verdict(reviewed: "Reviewed") -> None:
    url = reverse("admin:skold_finding_review", args=[found().pk])
    answer = reviewed.browser("olle", OPERATOR).post(url, {"verdict": "harmless", "comment": "x"})
    assert answer.status_code == 403
    assert Finding.objects.get().verdict == "open"


def stored_file() -> File:
    import uuid

    Collection.objects.create(name="photos")
    file = File.objects.create(
        id=uuid.UUID(ADDRESS), collection="photos", key="anna.jpg", year=2026, number=1, size=9,
        committed_at=timezone.now(),
    )  # fmt: skip
    StoredVersion.objects.create(
        file=file, year=2026, number=1, identity=uuid.uuid4(), size=9, data_subject="anna",
        committed_at=timezone.now(),
    )  # fmt: skip
    return file


@pytest.mark.parametrize("role", [AUDITOR, SECURITY_OFFICER])
def test_an_auditor_opens_no_file(reviewed: "Reviewed", role: str) -> None:
    file = stored_file()
    browser = reviewed.browser("eva", role)
    for name in ("contentserver_file_download", "contentserver_file_change"):
        assert browser.get(reverse(f"admin:{name}", args=[file.pk])).status_code == 403
    assert browser.get(reverse("admin:contentserver_file_changelist")).status_code == 403
    reviewed.access({"key": "anna.jpg"}, collection="photos", address=ADDRESS, version="2026.1")
    reviewed.settle()
    for name in ("auditrecord_file_story", "auditrecord_dashboard", "auditrecord_changelist"):
        shown = page(browser, name, **({"address": ADDRESS} if name.endswith("story") else {}))
        assert "/v1/content/" not in shown
        assert "contentserver/file" not in shown


@pytest.mark.parametrize("name", PAGES)
def test_looking_in_is_recorded_with_what_was_looked_for(
    reviewed: "Reviewed", auditor: Browser, name: str
) -> None:
    query = {"person": "xenia", "address": ADDRESS, "client": "portal"}
    auditor.get(reverse(f"admin:skold_{name}"), query)
    (request,) = reviewed.plane.records("req")
    assert (request["action"], request["decision"]) == ("audit", "allow")
    assert request["personal"]["end_user"] == "eva"
    assert "address=abab" in request["personal"]["path"]
    told = {"auditrecord_file_story": "file", "auditrecord_person_story": "person"}
    assert request.get("looked_at") == told.get(name)
    assert "xenia" not in str({**request, "personal": ""}), "whom he looked for is private"


def test_the_story_of_a_file_tells_who_saw_which_version(
    reviewed: "Reviewed", auditor: Browser
) -> None:
    stored_file()
    about = {"collection": "photos", "address": ADDRESS}
    write = {"action": "write", "method": "PUT", **about}
    reviewed.access({"end_user": "karin"}, {"status": 201, "version": "2026.1"}, **write)
    for _ in range(3):
        reviewed.access({"end_user": "bo", "key": "anna.jpg"}, version="2026.1", **about)
    refused = {"decision": "refuse", "reason": "no_grant", "client": "kiosk"}
    reviewed.access({"end_user": "mallory"}, {"status": 404}, **about, **refused)
    reviewed.settle()
    story = page(auditor, "auditrecord_file_story", address=ADDRESS)
    for words in ("photos / anna.jpg", "karin", "mallory", "no grant", "2026.1"):
        assert words in story
    assert '<td class="py-1.5 pr-4 text-right">3</td>' in story, "bo read it three times"


def test_a_long_story_has_pages(reviewed: "Reviewed", auditor: Browser) -> None:
    for number in range(60):
        reviewed.access({"end_user": f"user-{number}"}, address=ADDRESS)
    reviewed.settle()
    first = auditor.get(reverse("admin:skold_auditrecord_file_story"), {"address": ADDRESS})
    assert len(first.context["rows"]) == 50
    second = auditor.get(first.wsgi_request.path + first.context["older_url"])
    assert len(second.context["rows"]) == 10
    assert second.context["older_url"] is None


def test_the_story_of_a_person_tells_both_sides(reviewed: "Reviewed", auditor: Browser) -> None:
    stored_file()
    reviewed.access({"end_user": "bo"}, address=ADDRESS, version="2026.1", collection="photos")
    reviewed.access({"end_user": "anna", "key": "other.jpg"}, collection="photos")
    reviewed.settle()
    story = page(auditor, "auditrecord_person_story", person="anna")
    assert "photos / anna.jpg" in story, "it is about her"
    assert "bo" in story, "he saw it"
    assert "photos / other.jpg" in story, "she saw this"


def test_what_can_be_no_file_is_said(auditor: Browser) -> None:
    url = reverse("admin:skold_auditrecord_file_story")
    answer = auditor.get(url, {"collection": "photos", "key": "../x"}, follow=True)
    assert "Nothing can be called so" in answer.content.decode()


def test_the_overview_tells_numbers_and_what_is_missing(
    reviewed: "Reviewed", auditor: Browser
) -> None:
    reviewed.access({"end_user": "bo"}, address=ADDRESS, version="2026.1", client="portal")
    reviewed.access(decision="refuse", reason="no_grant", client="kiosk")
    leaves = reviewed.settle()
    found()
    answer = auditor.get(reverse("admin:skold_auditrecord_dashboard"))
    told = {fact.name: fact for fact in answer.context["facts"]}
    assert told["Open findings"].value == "1"
    assert told["Anchors"].value == "not anchored"
    assert told["Checkpoint"].value == str(leaves)
    assert {row["name"] for row in answer.context["clients"]} == {"portal", "kiosk"}
    assert [row["count"] for row in answer.context["files"]["rows"]] == ["1"]
    last = answer.context["bars"][-1]
    assert (last.allowed, last.refused) == ("1", "1")


@pytest.mark.parametrize(("scale", "pieces"), [("24h", 24), ("30d", 30), ("12m", 12)])
def test_each_scale_adds_up_its_time(auditor: Browser, scale: str, pieces: int) -> None:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    for hours in (0, 20, 24 * 20, 24 * 300):
        AuditHour.objects.create(
            hour=now - timezone.timedelta(hours=hours), node="n", client="portal", count=1, bytes=0
        )
    answer = auditor.get(reverse("admin:skold_auditrecord_dashboard"), {"scale": scale})
    assert len(answer.context["bars"]) == pieces
    expected = {"24h": 2, "30d": 3, "12m": 4}[scale]
    assert answer.context["allowed"] == str(expected)


def test_a_verdict_stands_in_the_audit(reviewed: "Reviewed", auditor: Browser) -> None:
    finding = found()
    url = reverse("admin:skold_finding_review", args=[finding.pk])
    answer = auditor.post(url, {"verdict": "incident", "comment": "The key of Bo was stolen."})
    assert answer.status_code == 302
    (end,) = reviewed.plane.records("done")
    assert (end["resource"], end["verdict"]) == (f"finding:{finding.pk}", "incident")
    assert end["personal"]["comment"] == "The key of Bo was stolen."
    shown = page(auditor, "finding_change", [finding.pk])
    assert "portal made 9,000 accesses" in shown
    assert "The key of Bo was stolen." in shown


def test_a_verdict_without_a_reason_is_not_taken(auditor: Browser) -> None:
    url = reverse("admin:skold_finding_review", args=[found().pk])
    assert auditor.post(url, {"verdict": "incident", "comment": ""}).status_code == 422
    assert Finding.objects.get().verdict == "open"


def test_whoever_only_looks_is_offered_no_verdict(reviewed: "Reviewed") -> None:
    browser = reviewed.browser("gast")
    user = browser.session["_auth_user_id"]
    for name in ("view_finding", "view_auditrecord"):
        Permission.objects.get(codename=name).user_set.add(user)
    shown = page(browser, "finding_change", [found().pk])
    assert 'id="review"' not in shown


def test_who_shares_one_file_is_told_in_its_story(reviewed: "Reviewed") -> None:
    request = RequestFactory().post("/api/v1/signed-urls")
    address = review_parts.get().address_of("photos", "anna.jpg")
    for keys in (["anna.jpg"], ["anna.jpg", "bo.jpg"]):
        access = ControlAccess(request, "sign", "signed-urls")
        access.name_files("photos", keys)
        access.begin("no_grant_to_sign")
    one, many = reviewed.plane.records("req")
    assert one["address"] == address
    assert "address" not in many
