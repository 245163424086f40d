"""Every address that Django answers, from its own resolver: each is of the API and guarded, of the
admin and recorded, or one of the few that are open to everybody. A new one cannot be forgotten.
"""

import base64
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from skold.api.guard import GuardedView, undeclared
from skold.control import parts
from skold.control.middleware import UNRECORDED
from tests.integration.api.conftest import caller
from tests.support.catalog import Library
from tests.support.records import records, until

pytestmark = pytest.mark.django_db
OPEN = {"favicon.ico", "", "api/v1/schema/", "api/v1/docs/"}
"""An icon, the way to the admin, and the description, which is in the documentation."""
SIGN_IN = {"admin/login/", "admin/logout/"}


def addresses(
    patterns: list[Any] | None = None, before: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    for each in get_resolver().url_patterns if patterns is None else patterns:
        path = before + str(each.pattern).lstrip("^").rstrip("$").replace("\\Z", "")
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, path)
        else:
            yield path, each


def place(*values: str | int) -> str:
    """A forged place of a page."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()


def admin_urls() -> list[str]:
    """Every page of the admin, with something where it names an object."""
    found = set()
    for path, pattern in addresses():
        if path.startswith("admin/") and pattern.name not in UNRECORDED:
            simple = "".join(_filled(path))
            if "(?P" not in simple:
                found.add(simple)
    return sorted(found - SIGN_IN)


def _filled(path: str) -> Iterator[str]:
    for number, piece in enumerate(path.replace("<", ">").split(">")):
        yield piece if number % 2 == 0 else ("1" if not piece.startswith("slug") else "some")


def test_each_address_is_guarded_recorded_or_known_to_be_open() -> None:
    loose = []
    for path, pattern in addresses():
        if path in OPEN or path.startswith("admin/"):
            continue
        view = getattr(pattern.callback, "cls", None)
        if view is None or not issubclass(view, GuardedView):
            loose.append(path)
        elif hasattr(view, "get_extra_actions"):
            assert undeclared(view) == [], path
    assert loose == []
    assert len(admin_urls()) > 60


@pytest.mark.parametrize("session", ["none", "forged", "not_staff", "api_key"])
def test_no_page_of_the_admin_opens_without_a_person_who_may(
    control_plane: Library, session: str
) -> None:
    browser = Client()
    if session == "api_key":
        browser = Client(headers={"Authorization": f"Bearer {control_plane.home.api_key}"})
    if session == "forged":
        browser.cookies["contentserver_session"] = "x" * 32
    if session == "not_staff":
        browser.force_login(User.objects.create_user("kim"))
    asked = 0
    for number, path in enumerate(admin_urls()):
        for method in ("get", "post"):
            # Each from a network of its own, so that none is only counted.
            network = f"10.{number // 200}.{number % 200}.1"
            answer = getattr(browser, method)(f"/{path}", REMOTE_ADDR=network)
            assert answer.status_code in {302, 403, 404, 405}, path
            if answer.status_code == 302:
                assert answer["Location"].startswith("/admin/login/"), path
            asked += 1
    refused = [each for each in records(control_plane.home) if each["kind"] == "req"]
    assert len(refused) == asked
    assert {each["decision"] for each in refused} == {"refuse"}


@pytest.mark.parametrize("accept", ["*/*", "nonsense/x"])
@pytest.mark.parametrize(
    "address", ["/admin/", "/admin/login/", "/api/v1/clients", "/api/v1/clients?format=x"]
)
def test_in_a_flood_it_is_429_and_counted(
    control_plane: Library, address: str, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = SimpleNamespace(time=lambda: 1_000_000.5)
    monkeypatch.setattr("skold.control.refusals.time", standing)
    answers = [Client().get(address, headers={"Accept": accept}) for _ in range(50)]
    codes = [answer.status_code for answer in answers]
    assert codes[20:] == [429] * 30
    assert 429 not in codes[:20]
    assert {answer["Retry-After"] for answer in answers[20:]} == {"1"}
    parts.refusals().flush()

    def counts() -> list[int]:
        return [each["count"] for each in records(control_plane.home) if each["kind"] == "flood"]

    assert until(lambda: counts() == [30])
    full = [each for each in records(control_plane.home) if each["kind"] == "req"]
    assert len(full) == 20
    person = Client()
    person.force_login(User.objects.create_superuser("anna"))
    assert person.get("/admin/skold/client/").status_code == 200, "who is signed in is no stranger"


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/clients/a%00b",
        "/api/v1/keys/%00",
        f"/api/v1/clients?after={place(chr(0))}",
        f"/api/v1/audit?after={place('9999-12-31T23:59:59-23:59', 'x', 1)}",
        f"/api/v1/audit?after={place('0001-01-01T00:00:00+23:59', 'x', 1)}",
        "/api/v1/audit?until=9999-12-31T23:59:59-23:59",
        "/api/v1/audit?since=0001-01-01T00:00:00%2B23:59",
    ],
)
def test_what_the_database_cannot_hold_is_a_mistake_of_the_caller(
    control_plane: Library, address: str
) -> None:
    answer = caller(control_plane.home.api_key).get(address)
    assert answer.status_code == 400, answer.content


@pytest.mark.parametrize("address", ["client/a%00b/change/", "auditrecord/?network=%00"])
def test_so_it_is_in_the_admin(control_plane: Library, address: str) -> None:
    person = Client()
    person.force_login(User.objects.create_superuser("anna"))
    assert person.get(f"/admin/skold/{address}").status_code == 400


def test_a_form_that_nobody_has_is_refused_and_recorded(control_plane: Library) -> None:
    assert caller(control_plane.home.api_key).get("/api/v1/clients?format=x").status_code == 404
    asked = [each for each in records(control_plane.home) if each["kind"] == "req"]
    assert [(each["decision"], each["reason"]) for each in asked] == [("refuse", "not_found")]


@pytest.mark.parametrize("key", ["garbage", "good"])
def test_addresses_outside_api_and_admin_are_404_whoever_asks(
    control_plane: Library, key: str
) -> None:
    client = caller(control_plane.home.api_key if key == "good" else key)
    for path in ("/nothing", "/admin.php", "/.env", "/api/", "/api/v2/files", "/static/../x"):
        assert client.get(path).status_code == 404, path
