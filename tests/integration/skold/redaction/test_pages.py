"""Redactions in the admin and over the API: two persons, each with a permission of his own."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.test import Client as Browser
from django.urls import reverse
from pytest_django import Settings

from skold.models import ArchivedMonth, Redaction, TokenProvider
from skold.redaction import services
from skold.services import names_persons
from skold.services.token_providers import check_provider

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

ADD = "admin:skold_redaction_add"
ISSUER, OTHER = "https://id.example.org", "https://other.example.org"


def _person(name: str, *permissions: str) -> Browser:
    user = User.objects.create_user(name, password="a good password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Browser()
    browser.force_login(user)
    return browser


@pytest.fixture
def berit(plane: "Control") -> Browser:
    return _person("berit", "view_redaction", "ask_redaction", "approve_redaction")


@pytest.fixture
def cecilia(plane: "Control") -> Browser:
    return _person("cecilia", "view_redaction", "approve_redaction")


@pytest.fixture
def auditor(plane: "Control") -> Browser:
    return _person("alma", "view_redaction", "view_archivedmonth")


def _ask(browser: Browser, **fields: str) -> Any:
    given = {"kind": "end_user", "end_user": "anna", "reason": "case 12", **fields}
    return browser.post(reverse(ADD), given)


def _act(browser: Browser, name: str, redaction: Redaction) -> int:
    url = reverse(f"admin:skold_redaction_{name}", args=[redaction.pk])
    return browser.post(url).status_code


def _counted() -> Redaction:
    Redaction.objects.update(records=3)
    return Redaction.objects.get()


def test_one_person_asks_and_another_approves(berit: Browser, cecilia: Browser) -> None:
    assert _ask(berit).status_code == 302
    redaction = _counted()
    assert (redaction.asked_by, redaction.selector) == ("admin:berit", {"end_user": "anna"})
    page = cecilia.get(reverse("admin:skold_redaction_change", args=[redaction.pk]))
    assert "3 records would be taken out" in page.content.decode()
    assert _act(cecilia, "approve", redaction) == 302
    redaction.refresh_from_db()
    assert (redaction.state, redaction.decided_by) == ("approved", "admin:cecilia")


def test_nobody_approves_what_he_asked_for_himself(berit: Browser) -> None:
    _ask(berit)
    redaction = _counted()
    page = berit.get(reverse("admin:skold_redaction_change", args=[redaction.pk]))
    assert "a second person" in page.content.decode()
    _act(berit, "approve", redaction)
    redaction.refresh_from_db()
    assert redaction.state == "asked"


def test_without_the_permission_nobody_asks_or_decides(
    auditor: Browser, berit: Browser, cecilia: Browser
) -> None:
    for browser in (auditor, cecilia):
        assert _ask(browser).status_code == 403
    _ask(berit)
    redaction = _counted()
    for act in ("approve", "refuse"):
        assert _act(auditor, act, redaction) == 403
    redaction.refresh_from_db()
    assert redaction.state == "asked"


def test_a_wish_that_names_nothing_is_refused_with_a_sentence(berit: Browser) -> None:
    answer = _ask(berit, end_user="")
    assert answer.status_code == 200
    assert "Say which records." in answer.content.decode()
    answer = _ask(berit, kind="records", numbers="five")
    assert "is not of the form" in answer.content.decode()
    assert not Redaction.objects.exists()


def test_acts_are_recorded_without_the_name(berit: Browser, plane: "Control") -> None:
    _ask(berit)
    _act(berit, "refuse", _counted())
    said = [record.get("resource") for record in plane.records("done")]
    pk = Redaction.objects.get().pk
    assert said == [f"skold.redaction:{pk}", f"skold.redaction:{pk}:refuse"]
    assert "anna" not in str(plane.records())


def test_archived_months_are_shown_and_never_changed(auditor: Browser) -> None:
    month = ArchivedMonth.objects.create(
        node="node-1",
        month="2025-03-01",
        path="node-1/2025-03.000000000700.skam",
        sha256="0" * 64,
        size=9,
        records=700,
        archived_at="2026-11-01T00:00:00Z",
        archived_by="command:test",
    )
    page = auditor.get(reverse("admin:skold_archivedmonth_changelist"))
    assert "2025-03" in page.content.decode()
    change = reverse("admin:skold_archivedmonth_change", args=[month.pk])
    assert auditor.post(change, {"records": 1}).status_code == 403


def test_a_client_alone_asks_for_nothing_over_the_api(
    plane: "Control", api: Callable[..., Any], berit: Browser
) -> None:
    key = plane.client("portal", ["administer", "audit"])
    wish: dict[str, Any] = {
        "kind": "end_user",
        "selector": {"end_user": "anna"},
        "reason": "case 12",
    }
    assert api("post", "redactions", key, wish).status_code == 404
    assert api("post", "redactions", key, wish, HTTP_ON_BEHALF_OF="berit").status_code == 404
    made = services.ask(actor="admin:berit", **wish)
    assert api("post", f"redactions/{made.pk}/approve", key).status_code == 404
    (shown,) = api("get", "redactions", key).json()["results"]
    assert shown["reason"] == "case 12"
    assert "selector" not in shown


def test_a_person_whom_a_token_proves_asks_and_another_decides(
    plane: "Control", berit: Browser, cecilia: Browser, settings: Settings
) -> None:
    """The views alone; that a token proves the person is the gate's business and tested there."""
    settings.SKOLD_PERSON_ISSUERS = [ISSUER, f"{OTHER}#email"]
    for name, issuer in (("campus", ISSUER), ("own", "https://forged.example.org")):
        _provider(id=name, issuer=issuer).save()
    from skold.api.authentication import ApiUser
    from skold.api.redactions import RedactionViewSet
    from skold.principals import Principal

    def view(person: str, known: Any = "token", issued_by: str = "campus") -> RedactionViewSet:
        made = RedactionViewSet()
        principal = Principal("portal", f"token:{issued_by}/1", "token", person, known)
        made.request = type("Request", (), {"user": ApiUser(principal)})()
        return made

    assert view("berit")._person("skold.ask_redaction") == "token:berit"
    from rest_framework.exceptions import NotFound

    for person, known in (("cecilia", "token"), ("berit", "asserted"), ("nobody", "token")):
        with pytest.raises(NotFound):
            view(person, known)._person("skold.ask_redaction")
    for issued_by in ("own", "nowhere"):
        with pytest.raises(NotFound):
            view("berit", issued_by=issued_by)._person("skold.ask_redaction")


def test_who_administers_cannot_make_a_provider_that_names_persons(
    plane: "Control", settings: Settings
) -> None:
    """Else one client would sign both the wish and the consent, in names of officers."""
    assert not names_persons(_provider()), "none is trusted until the machine's settings say so"
    settings.SKOLD_PERSON_ISSUERS = [ISSUER, f"{OTHER}#email"]
    assert names_persons(_provider())
    assert names_persons(_provider(issuer=OTHER, end_user_claim="email"))
    forged = f"{ISSUER}/keys"
    for wrong in ({"jwks_url": forged}, {"end_user_claim": "nickname"}, {"issuer": OTHER}):
        assert not names_persons(_provider(**wrong))
        with pytest.raises(ValidationError, match="SKOLD_PERSON_ISSUERS"):
            check_provider(_provider(**wrong))


def test_the_form_of_a_provider_says_what_is_wrong(plane: "Control", settings: Settings) -> None:
    settings.SKOLD_PERSON_ISSUERS = [ISSUER]
    _provider().save()
    operator = _person("otto", "view_tokenprovider", "change_tokenprovider")
    form = {"audiences": "x", "algorithms": ["ES256"], "client_claim": "azp", "enabled": "on"}
    page = reverse("admin:skold_tokenprovider_change", args=["campus"])
    for wrong in ({"jwks_url": "https://forged.example.org"}, {"end_user_claim": "nickname"}):
        answer = operator.post(page, {**form, "jwks_url": "", "end_user_claim": "sub", **wrong})
        assert answer.status_code == 200
        assert b"SKOLD_PERSON_ISSUERS" in answer.content
    stored = TokenProvider.objects.get()
    assert (stored.jwks_url, stored.end_user_claim) == ("", "sub")


def _provider(**changed: str) -> TokenProvider:
    usual: dict[str, Any] = {"id": "campus", "issuer": ISSUER, "end_user_claim": "sub"}
    return TokenProvider(audiences=["x"], algorithms=["ES256"], **{**usual, **changed})
