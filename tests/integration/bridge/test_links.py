"""From the control plane to the bytes: a redirect that the data plane accepts and records."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from contentserver import control
from contentserver.catalog.models import File
from contentserver.catalog.services import create_collection
from contentserver.conf import config
from skold.models import AuditRecord, Grant, UrlKey
from skold.services import create_client, give_grant, issue_api_key
from tests.support.bridge import RunningBridge, database_url
from tests.support.catalog import Library
from tests.support.plane import DataPlane

pytestmark = pytest.mark.django_db(transaction=True)


class House:
    """Both planes and the bridge, and a client of the institution that may read photos."""

    def __init__(self, plane: DataPlane) -> None:
        self.plane = plane
        self.library = Library(plane)
        self.bridge = RunningBridge(plane, database_url()).start()
        create_collection(actor="test", name="photos")
        client = create_client(actor="test", id="school", name="School")
        give_grant(
            actor="test", client=client, collection="photos", actions=["read", "list", "sign"]
        )
        self.key = issue_api_key(actor="test", client=client).plaintext
        self.library.put("a/ü ?#%.jpg", b"picture", filename="a.jpg")
        self.library.put("a/ü ?#%.jpg", b"second")
        self.bridge.wait_until(lambda: File.objects.filter(number=2).exists())
        self.file = File.objects.get()
        self.bridge.wait_until(lambda: self.get("").status_code == 200)

    def get(self, tail: str, **headers: str) -> httpx.Response:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.key}", **headers)
        return client.get(f"/api/v1/files/{self.file.address}{tail}")  # type: ignore[return-value]


@pytest.fixture
def house(tmp_path: Path, transactional_db: None, settings: Settings) -> Iterator[House]:
    plane = DataPlane(tmp_path / "home", CONTENTSERVER_NODE="node-links")
    plane.config.policy.unlink()
    settings.CONFIG = plane.config
    control.install(plane.config)
    house = House(plane)
    plane.start()
    yield house
    control.install(config())
    house.bridge.kill()
    house.library.close()
    plane.close()


def test_the_content_of_a_file_is_one_redirect_away(house: House) -> None:
    answer = house.get("/content", HTTP_ON_BEHALF_OF="nurse.kim")
    assert answer.status_code == 307
    assert answer.headers["Cache-Control"] == "no-store"
    url = answer.headers["Location"]
    assert url.startswith(f"{house.plane.url}/v1/content/photos/a/")

    assert httpx.get(url).content == b"second"
    assert httpx.put(url, content=b"x").status_code == 401
    assert UrlKey.objects.count() == 1
    house.get("/content")
    assert UrlKey.objects.count() == 1

    def recorded() -> bool:
        rows = AuditRecord.objects.filter(node="node-links", plane="data", kind="req")
        return rows.filter(client="school", end_user_known="signed_url", decision="allow").exists()

    house.bridge.wait_until(recorded)


def test_an_older_version_can_be_asked_for_and_a_wrong_wish_is_400(house: House) -> None:
    first = f"{house.file.year}.1"
    url = house.get(f"/content?version={first}&disposition=attachment").headers["Location"]
    answer = httpx.get(url)
    assert (answer.content, answer.headers["X-Version"]) == (b"picture", first)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert house.get("/content?version=1").status_code == 400
    assert house.get("/content?disposition=download").status_code == 400


def test_without_the_grant_to_sign_there_is_no_link(house: House) -> None:
    client = create_client(actor="test", id="reader", name="Reader")
    give_grant(actor="test", client=client, collection="photos", actions=["read", "list"])
    house.key = issue_api_key(actor="test", client=client).plaintext
    house.bridge.wait_until(lambda: house.get("").status_code == 200)
    assert house.get("/content").status_code == 404
    assert not UrlKey.objects.exists()


def test_somebody_in_the_admin_downloads_under_their_own_name(
    house: House, admin_user: User
) -> None:
    browser = Browser()
    browser.force_login(admin_user)
    url = reverse("admin:contentserver_file_download", args=[house.file.pk])
    answer = browser.get(url)
    assert answer.status_code == 307
    assert httpx.get(answer["Location"]).content == b"second"

    def recorded() -> bool:
        rows = AuditRecord.objects.filter(node="node-links", plane="data", client="admin")
        return any(row.private.get("end_user") == "admin" for row in rows)

    house.bridge.wait_until(recorded)

    # Withdrawing the grant is enough, and lasts.
    Grant.objects.filter(client="admin").delete()
    house.bridge.wait_until(lambda: httpx.get(browser.get(url)["Location"]).status_code == 404)
