"""URLs that the API signs: good at once on the data plane, refused where the gate would refuse."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from contentserver import control
from contentserver.catalog.services import create_collection
from contentserver.conf import config
from skold.models import UrlKey
from skold.services import create_client, give_grant, issue_api_key, revoke_url_key
from tests.support.bridge import RunningBridge, database_url
from tests.support.plane import POLICY_SEEN_AFTER, DataPlane
from tests.support.records import records

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/v1/signed-urls"


class House:
    """Both planes and the bridge; "school" may read, write and sign photos, papers it may read."""

    def __init__(self, plane: DataPlane) -> None:
        self.plane = plane
        self.bridge = RunningBridge(plane, database_url()).start()
        create_collection(actor="test", name="photos", rules={"url_lifetime": 600})
        create_collection(actor="test", name="named", rules={"on_behalf_of": "proof"})
        create_collection(actor="test", name="papers")
        client = create_client(actor="test", id="school", name="School")
        actions = ["read", "write", "sign"]
        for name in ("photos", "named"):
            give_grant(actor="test", client=client, collection=name, actions=actions)
        give_grant(actor="test", client=client, collection="papers", actions=["read"])
        self.key = issue_api_key(actor="test", client=client).plaintext
        self.bridge.wait_until(lambda: self.post([]).status_code == 400)

    def post(self, wishes: list[dict[str, Any]], **headers: str) -> Any:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.key}", **headers)
        return client.post(URL, {"urls": wishes}, format="json")

    def last(self, kind: str = "req") -> dict[str, Any]:
        return [record for record in records(self.plane) if record["kind"] == kind][-1]


@pytest.fixture
def house(tmp_path: Path, transactional_db: None, settings: Settings) -> Iterator[House]:
    plane = DataPlane(tmp_path / "home", CONTENTSERVER_NODE="node-minted")
    plane.config.policy.unlink()
    settings.CONFIG = plane.config
    control.install(plane.config)
    house = House(plane)
    plane.start()
    yield house
    control.install(config())
    house.bridge.kill()
    plane.close()


def test_urls_are_good_at_once_and_one_record_says_how_many(house: House) -> None:
    wishes = [
        {"collection": "photos", "key": "a/ü #.jpg", "method": "PUT"},
        {"collection": "photos", "key": "a/ü #.jpg", "lifetime": 600, "subject": "anna"},
        {"collection": "photos", "key": "b.jpg", "disposition": "inline", "version": "2026.1"},
    ]
    answer = house.post(wishes)
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    record = house.last()
    assert (record["action"], record["count"], record["collection"]) == ("sign", 3, "photos")
    assert "keys" not in record
    assert record["private"]["keys"].startswith('["a/ü #.jpg"')
    put, get, other = (each["url"] for each in answer.json()["urls"])
    assert httpx.put(put, content=b"picture").status_code == 201
    assert httpx.get(get).content == b"picture"
    read = house.last()
    assert (read["client"], read["end_user_known"]) == ("school", "signed_url")
    assert read["private"]["end_user"] == "anna"
    assert httpx.get(other).status_code == 404
    assert httpx.get(put).status_code == 401

    assert house.post(wishes[:1]).status_code == 201
    key = UrlKey.objects.get()  # the second request needed no further key
    revoke_url_key(actor="test", key=key)
    house.bridge.wait_until(lambda: httpx.get(get).status_code == 401)


MISTAKES: list[tuple[str, dict[str, Any]]] = [
    ("lifetime", {"lifetime": 601}),
    ("lifetime", {"lifetime": 0}),
    ("subject", {"collection": "named"}),
    ("key", {"key": "a//b"}),
    ("key", {"key": ""}),
    ("method", {"method": "POST"}),
    ("subject", {"subject": "a\u0007"}),
    ("disposition", {"disposition": "evil"}),
    ("version", {"version": "x"}),
    ("version", {"method": "PUT", "version": "2026.1"}),
    ("collection", {"collection": "../x"}),
]


def test_a_mistake_is_named_with_its_place_and_nothing_is_signed(house: House) -> None:
    good = {"collection": "photos", "key": "a.jpg"}
    for field, wish in MISTAKES:
        answer = house.post([good, {**good, **wish}])
        assert answer.status_code == 400, wish
        assert answer["Content-Type"] == "application/problem+json"
        told = answer.json()["errors"]["urls"]
        assert {place: list(each) for place, each in told.items()} == {"1": [field]}, wish
    assert house.post([good] * 101).status_code == 400
    assert not UrlKey.objects.exists()


def test_what_the_caller_may_not_do_is_not_found(house: House) -> None:
    good = {"collection": "photos", "key": "a.jpg"}
    for wish in ({"collection": "papers"}, {"collection": "absent"}, {"method": "DELETE"}):
        answer = house.post([good, {**good, **wish}])
        assert answer.status_code == 404, wish
        assert house.last()["decision"] == "refuse"
    assert not UrlKey.objects.exists()


def test_a_url_is_for_the_end_user_of_the_request_unless_it_names_one(house: House) -> None:
    answer = house.post([{"collection": "named", "key": "a.jpg"}], HTTP_ON_BEHALF_OF="kim")
    assert "sub=kim" in answer.json()["urls"][0]["url"]


def test_a_new_wrapping_key_is_taken_without_a_restart(house: House) -> None:
    url = house.post([{"collection": "photos", "key": "a.jpg"}]).json()["urls"][0]["url"]
    assert httpx.get(url).status_code == 404
    call_command("rotate_url_wrapping", "--json", stdout=io.StringIO())
    assert UrlKey.objects.get().wrapping == 2
    number = house.plane.config.policy.read_bytes()
    house.bridge.wait_until(
        lambda: (
            b'"wrapping":2' in house.plane.config.policy.read_bytes().replace(b": ", b":")
            and house.plane.config.policy.read_bytes() != number
        )
    )
    time.sleep(POLICY_SEEN_AFTER)
    assert httpx.get(url).status_code == 404, "the same URL, and it still holds"
    assert house.last()["decision"] == "allow"
    assert house.post([{"collection": "photos", "key": "b.jpg"}]).status_code == 201
    assert UrlKey.objects.count() == 1
