"""The admin: every page recorded first, secrets once, the audit read-only and never counted."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contentserver.models import Collection
from skold import services
from skold.control import parts
from skold.journal import JournalUnavailable
from skold.ledger.copier import Copier
from skold.models import ApiKey, AuditRecord, Client, Grant, UrlKey
from skold.models.audit import AuditImmutableError

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control, Ledger

AUDIT = "admin:skold_auditrecord_changelist"


@pytest.fixture
def browser(plane: "Control") -> Browser:
    """Signed in as somebody who may do everything."""
    user = User.objects.create_superuser("anna", "anna@example.org", "a good password")
    browser = Browser()
    browser.force_login(user)
    return browser


@pytest.fixture
def portal(plane: "Control") -> Client:
    return services.create_client(actor="test", id="portal", name="Portal")


@pytest.fixture
def copied(ledger: "Ledger", conninfo: str) -> Callable[[], None]:
    """Bring what was written to the journal into PostgreSQL."""

    def copy() -> None:
        ledger.sequence()
        copier = Copier(ledger.path, "node-1", conninfo)
        while copier.step():
            pass
        copier.close()

    return copy


def test_a_page_is_recorded_before_it_is_made(browser: Browser, plane: "Control") -> None:
    assert browser.get(reverse(AUDIT)).status_code == 200
    (request,) = plane.records("req")
    assert (request["action"], request["plane"], request["decision"]) == (
        "audit",
        "control",
        "allow",
    )
    assert request["resource"] == "skold_auditrecord_changelist"
    assert request["personal"]["end_user"] == "anna"
    assert request["credential"].startswith("session:")
    (done,) = plane.records("done")
    assert (done["ref"], done["status"]) == (request["n"], 200)


def test_a_page_that_cannot_be_recorded_is_not_made(
    browser: Browser, plane: "Control", portal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_fields: object) -> None:
        raise JournalUnavailable("no space")

    browser.get(reverse(AUDIT))
    monkeypatch.setattr(parts.journal(), "append", refuse)
    answer = browser.get(reverse("admin:skold_client_changelist"))
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert b"portal" not in answer.content
    browser.post(reverse("admin:skold_client_change", args=["portal"]), {"name": "Changed"})
    assert Client.objects.get(pk="portal").name == "Portal"


def test_who_may_not_is_recorded_too(plane: "Control") -> None:
    anonymous = Browser()
    assert anonymous.get(reverse(AUDIT)).status_code == 302
    visitor = Browser()
    visitor.force_login(User.objects.create_user("bert", is_staff=True))
    assert visitor.get(reverse(AUDIT)).status_code == 403
    guest = Browser()
    guest.force_login(User.objects.create_user("carl"))
    guest.get(reverse(AUDIT))
    said = [(record["decision"], record["reason"]) for record in plane.records("req")]
    assert said == [("refuse", reason) for reason in ("anonymous", "no_permission", "not_staff")]
    assert [record["status"] for record in plane.records("done")] == [302, 403, 302]


def test_a_try_to_sign_in_is_recorded_without_the_password(plane: "Control") -> None:
    Browser().post(reverse("admin:login"), {"username": "anna", "password": "wrong-Zebra-7"})
    (request,) = plane.records("req")
    assert request["personal"]["end_user"] == "anna"
    for file in Path(plane.config.home).rglob("*"):
        assert not file.is_file() or b"wrong-Zebra-7" not in file.read_bytes(), file


def test_a_client_is_made_and_changed_as_the_person_signed_in(
    browser: Browser, plane: "Control"
) -> None:
    given = {
        "id": "clinic",
        "name": "Clinic",
        "enabled": "on",
        "may_act_for": "required",
        "address_ranges": "10.0.0.0/8\r\n192.168.0.0/16",
    }
    assert browser.post(reverse("admin:skold_client_add"), given).status_code == 302
    made = Client.objects.get(pk="clinic")
    assert (made.created_by, made.address_ranges) == (
        "admin:anna",
        ["10.0.0.0/8", "192.168.0.0/16"],
    )
    changed = {"name": "Clinic", "may_act_for": "optional", "address_ranges": ""}
    url = reverse("admin:skold_client_change", args=["clinic"])
    inlines = {
        f"{name}-{total}_FORMS": 0
        for name in ("grants", "api_keys")
        for total in ("TOTAL", "INITIAL")
    }
    assert browser.post(url, {**changed, **inlines}).status_code == 302
    made.refresh_from_db()
    assert (made.enabled, made.may_act_for, made.address_ranges) == (False, "optional", [])
    assert plane.records("done")[0]["resource"] == "skold.client:clinic"


def test_a_client_is_never_deleted(browser: Browser, portal: Client) -> None:
    url = reverse("admin:skold_client_delete", args=["portal"])
    assert browser.post(url, {"post": "yes"}).status_code == 403
    assert Client.objects.filter(pk="portal").exists()


def test_a_wrong_address_range_is_said_at_its_field(browser: Browser, plane: "Control") -> None:
    given = {"id": "x", "name": "X", "may_act_for": "optional", "address_ranges": "10.0.0.0/33"}
    page = browser.post(reverse("admin:skold_client_add"), given)
    assert "10.0.0.0/33 is not an address range" in page.content.decode()
    assert not Client.objects.filter(pk="x").exists()


@pytest.mark.parametrize(("name", "model"), [("apikey", ApiKey), ("urlkey", UrlKey)])
def test_a_secret_is_on_one_page_only(
    browser: Browser, plane: "Control", portal: Client, name: str, model: Any
) -> None:
    page = browser.post(reverse(f"admin:skold_{name}_add"), {"client": "portal", "label": "lab"})
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    secret = str(page.context["secret"])
    assert secret in page.content.decode()
    key = model.objects.get()
    assert (key.created_by, key.label) == ("admin:anna", "lab")
    shown = [
        reverse(f"admin:skold_{name}_changelist"),
        reverse(f"admin:skold_{name}_change", args=[key.pk]),
        reverse(f"admin:skold_{name}_history", args=[key.pk]),
        reverse("admin:skold_client_change", args=["portal"]),
        reverse("admin:index"),
    ]
    for url in shown:
        answer = browser.get(url)
        assert answer.status_code == 200, url
        assert secret not in answer.content.decode(), url
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        assert secret not in str(cursor.fetchall())
    assert secret not in str(plane.records())


def test_a_third_live_key_comes_back_as_a_message(browser: Browser, portal: Client) -> None:
    for _ in range(2):
        services.issue_api_key(actor="test", client=portal)
    url = reverse("admin:skold_apikey_add")
    page = browser.post(url, {"client": "portal"}, follow=True)
    assert "2 live keys" in page.content.decode()
    assert ApiKey.objects.count() == 2


def test_revoking_asks_first(browser: Browser, portal: Client) -> None:
    key = services.issue_api_key(actor="test", client=portal).key
    url = reverse("admin:skold_apikey_revoke", args=[key.pk])
    assert b"cannot be taken back" in browser.get(url).content
    key.refresh_from_db()
    assert key.revoked_at is None
    assert browser.post(url).status_code == 302
    key.refresh_from_db()
    assert key.revoked_by == "admin:anna"
    assert browser.post(url).status_code == 403


def test_the_list_says_which_keys_open_something(browser: Browser, portal: Client) -> None:
    live, expired, revoked = (
        services.issue_api_key(actor="test", client=client).key
        for client in (portal, portal, Client.objects.create(id="other", name="Other"))
    )
    ApiKey.objects.filter(pk=expired.pk).update(expires_at="2020-01-01T00:00Z")
    services.revoke_api_key(actor="test", key=revoked)
    rows = browser.get(reverse("admin:skold_apikey_changelist")).context["cl"].result_list
    admin = browser.get(reverse("admin:skold_apikey_changelist")).context["cl"].model_admin
    assert {row.pk: admin.state(row)[0] for row in rows} == {
        live.pk: "live",
        expired.pk: "expired",
        revoked.pk: "revoked",
    }


def test_revoking_needs_the_permission(plane: "Control", portal: Client) -> None:
    key = services.issue_api_key(actor="test", client=portal).key
    user = User.objects.create_user("bert", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    browser = Browser()
    browser.force_login(user)
    assert browser.post(reverse("admin:skold_apikey_revoke", args=[key.pk])).status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_grant_is_given_and_withdrawn_but_never_changed(browser: Browser, portal: Client) -> None:
    Collection.objects.create(name="photos")
    given = {"client": "portal", "collection": "photos", "actions": ["read"], "prefix": ""}
    assert browser.post(reverse("admin:skold_grant_add"), given).status_code == 302
    grant = Grant.objects.get()
    assert (grant.created_by, grant.actions) == ("admin:anna", ["read"])
    changed = browser.post(reverse("admin:skold_grant_change", args=[grant.pk]), given)
    assert changed.status_code == 403
    browser.post(reverse("admin:skold_grant_delete", args=[grant.pk]), {"post": "yes"})
    assert not Grant.objects.exists()


def test_a_grant_that_reaches_nothing_is_said_at_its_field(
    browser: Browser, portal: Client
) -> None:
    given = {"client": "portal", "collection": "phtos", "actions": ["read"], "prefix": "../"}
    page = browser.post(reverse("admin:skold_grant_add"), given)
    errors = page.context["adminform"].form.errors
    assert set(errors) == {"collection", "prefix"}
    assert "There is no collection phtos" in errors["collection"][0]
    assert not Grant.objects.exists()


def test_actions_that_no_route_asks_for_are_not_offered(browser: Browser) -> None:
    form = browser.get(reverse("admin:skold_grant_add")).context["adminform"].form
    offered = {value for value, _label in form.fields["actions"].choices}
    assert {"read", "stage", "commit"} <= offered
    assert "replicate" not in offered


def test_the_audit_is_read_only(
    ledger: "Ledger", copied: Callable[[], None], browser: Browser
) -> None:
    ledger.write(1)
    copied()
    record = AuditRecord.objects.get(kind="req")
    assert browser.get(reverse("admin:skold_auditrecord_add")).status_code == 403
    change = reverse("admin:skold_auditrecord_change", args=[record.pk])
    assert browser.post(change, {"client": "other"}).status_code == 403
    delete = reverse("admin:skold_auditrecord_delete", args=[record.pk])
    assert browser.post(delete, {"post": "yes"}).status_code == 403
    acted = {"action": "delete_selected", "_selected_action": [record.pk], "post": "yes"}
    browser.post(reverse(AUDIT), acted)
    assert AuditRecord.objects.filter(kind="req").count() == 1
    for act in (record.save, record.delete, AuditRecord.objects.all().delete):
        with pytest.raises(AuditImmutableError):
            act()
    with pytest.raises(AuditImmutableError):
        AuditRecord.objects.update(client="other")


SEARCHES = [
    "",
    "?client=portal",
    "?collection=photos&action=read",
    "?status=200",
    "?outcome=served&client=portal",
    "?decision=refuse",
    "?request_id=r-1",
    "?q=r-1",
    "?at_from_0=2026-01-01&at_to_0=2099-01-01&at_to_1=12:00",
    "?kind=every",
]


@pytest.mark.parametrize("search", SEARCHES)
def test_the_list_is_never_counted(
    ledger: "Ledger", copied: Callable[[], None], browser: Browser, search: str
) -> None:
    ledger.write(60, client="portal", collection="photos")
    copied()
    with CaptureQueriesContext(connection) as queries:
        page = browser.get(reverse(AUDIT) + search)
    assert page.status_code == 200
    shown = len(page.context["cl"].result_list)
    assert shown == (0 if "refuse" in search else 50)
    asked = [query["sql"] for query in queries if "skold_audit" in query["sql"]]
    assert len(asked) <= 3
    for sql in asked:
        assert "COUNT(" not in sql.upper()
        assert "OFFSET" not in sql.upper()


def test_pages_show_each_access_once_and_end(
    ledger: "Ledger", copied: Callable[[], None], browser: Browser
) -> None:
    ledger.write(120)
    copied()
    seen: list[str] = []
    url: str | None = reverse(AUDIT)
    while url:
        changes = browser.get(url).context["cl"]
        seen += [row.pk for row in changes.result_list]
        assert all(row.end.ref == row.n for row in changes.result_list)
        url = reverse(AUDIT) + changes.older_url if changes.older_url else None
    assert len(seen) == len(set(seen)) == 120


def test_an_access_is_one_row_with_both_halves(
    ledger: "Ledger", copied: Callable[[], None], browser: Browser
) -> None:
    ledger.write(1, client="portal", collection="photos")
    ledger.journal.append("req", {"id": "r-2", "action": "write", "decision": "allow"}, {}).wait(9)
    copied()
    for search in ("", "?status=200"):
        page = browser.get(reverse(AUDIT) + search)
        text = page.content.decode()
        assert "photos / photo-0.jpg" in text
        assert "anna" in text
        assert "200" in text
        assert ("no end" in text) == (search == "")


@pytest.mark.parametrize("place", ["nonsense", "W10", "WzEsMiwzXQ", "WyJhIiwiYiIsImMiXQ"])
def test_a_wrong_place_shows_the_first_page(
    ledger: "Ledger", copied: Callable[[], None], browser: Browser, place: str
) -> None:
    ledger.write(1)
    copied()
    page = browser.get(f"{reverse(AUDIT)}?before={place}")
    assert len(page.context["cl"].result_list) == 1


@pytest.mark.parametrize("kind", ["req", "done", "open"])
def test_a_record_tells_its_story_in_words(
    ledger: "Ledger", copied: Callable[[], None], browser: Browser, kind: str
) -> None:
    ledger.write(1, client="portal", collection="photos", method="GET", rule="grant:3")
    copied()
    record = AuditRecord.objects.get(kind=kind)
    page = browser.get(reverse("admin:skold_auditrecord_change", args=[record.pk]))
    assert page.status_code == 200
    if kind != "open":
        text = page.content.decode()
        assert "portal, for anna, asked: GET photos / photo-0.jpg." in text
        assert "It was allowed by grant:3." in text
        assert "It was answered 200 with 64 bytes after 0.9" in text
        assert "salt" not in text


def test_a_key_with_html_in_it_is_shown_as_text(
    ledger: "Ledger", copied: Callable[[], None], browser: Browser
) -> None:
    evil = "<script>alert(1)</script>"
    ledger.journal.append("req", {"collection": "photos"}, {"key": evil, "end_user": evil}).wait(9)
    copied()
    record = AuditRecord.objects.get(kind="req")
    urls = [reverse(AUDIT), reverse("admin:skold_auditrecord_change", args=[record.pk])]
    for url in urls:
        assert evil not in browser.get(url).content.decode()


@pytest.mark.parametrize("record_id", ["node-1:99999999", "nonsense", "node-1:x", f":{'9' * 40}"])
def test_a_record_that_is_not_there_is_no_error(browser: Browser, record_id: str) -> None:
    page = browser.get(reverse("admin:skold_auditrecord_change", args=[record_id]))
    assert page.status_code == 302


def test_codes_are_shown_in_words_and_the_person_where_no_client_asked(
    ledger: "Ledger", copied: Callable[[], None], browser: Browser
) -> None:
    refused = {"action": "read", "decision": "refuse", "reason": "no_grant", "plane": "control"}
    for number, place in enumerate(("ChangesView", "NowhereView", "app_list")):
        body = {**refused, "id": f"r-{number}", "resource": place}
        ledger.journal.append("req", body, {"end_user": "kim"}).wait(9)
    copied()
    text = browser.get(reverse(AUDIT)).content.decode()
    for code in ("no_grant", "ChangesView", "NowhereView", "app_list"):
        assert f">{code}<" not in text
    for words in ("no grant", "Change feed", "An address that does not exist", "kim"):
        assert words in text


def test_a_search_that_finds_nothing_offers_no_new_record(browser: Browser) -> None:
    text = browser.get(f"{reverse(AUDIT)}?q=x:y").content.decode()
    assert "Nothing was found" in text
    assert "new" not in text.split("Nothing was found")[1].split("</p>")[0].lower()
