"""The first page of the admin: what is wrong stands there, and it never counts a whole table."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from contentserver.admin import dashboard
from contentserver.catalog.models import File, StorageRoot
from tests.support.catalog import Library
from tests.support.plane import DataPlane

pytestmark = pytest.mark.django_db
INDEX = "/admin/"


def test_it_shows_what_was_stored_what_waits_and_the_room(
    browser: Client, library: Library
) -> None:
    library.put("a")
    library.put("b")
    library.carry()
    StorageRoot.objects.create(
        node="n", name="root-1", path="/r", total_bytes=2048, free_bytes=1024,
        seen_at=timezone.now(),
    )  # fmt: skip
    status = {
        "outbox": {"new": None, "catalog": 42.0},
        "loops": {"ledger": {"facts": {"leaves": 1234}}},
    }
    (library.home.config.home / "run").mkdir(exist_ok=True)
    (library.home.config.home / "run" / "bridge.json").write_text(json.dumps(status))
    response = browser.get(INDEX)
    numbers = {figure.name: figure.value for figure in response.context["figures"]["numbers"]}
    expected = {
        "Versions stored": "2",
        "Catalog": "42 s",
        "Audit": "1,234",
        "n/root-1": "1.0 KB free",
    }
    assert numbers == expected
    assert reverse("admin:contentserver_file_changelist") in response.content.decode()


def test_it_stops_counting_where_it_says_so(
    browser: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in "abc":
        library.put(key)
    library.carry()
    monkeypatch.setattr(dashboard, "COUNTED", 2)
    assert "more than 2" in browser.get(INDEX).content.decode()


def test_it_repeats_what_readyz_says(
    browser: Client, settings: Settings, data_plane: DataPlane
) -> None:
    settings.CONFIG = data_plane.config
    (warning,) = data_plane.http.get("/readyz").json()["warnings"]
    assert warning.startswith("bridge: no status")
    assert warning in browser.get(INDEX).content.decode()


def test_it_names_a_data_plane_that_does_not_answer(browser: Client, library: Library) -> None:
    url = f"{library.home.config.public_url}/readyz"
    assert f"{url} tells nothing" in browser.get(INDEX).content.decode()


def test_who_may_see_no_list_sees_no_number_of_it(staff: User, library: Library) -> None:
    client = Client()
    client.force_login(staff)
    assert client.get(INDEX).context["figures"]["numbers"] == []


def test_signing_in_without_a_destination_leads_to_it(library: Library) -> None:
    User.objects.create_superuser("anna", password="a good password")
    answer = Client().post("/admin/login/", {"username": "anna", "password": "a good password"})
    assert (answer.status_code, answer["Location"]) == (302, INDEX)


def test_the_name_of_a_file_stands_there_as_it_is(browser: Client, library: Library) -> None:
    library.put("2026/a.jpg")
    library.carry()
    page = browser.get(reverse("admin:contentserver_file_change", args=[File.objects.get().pk]))
    assert "photos/2026/a.jpg" in page.content.decode()
    assert "Photos/2026" not in page.content.decode()
