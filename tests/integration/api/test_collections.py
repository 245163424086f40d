"""Collections are made and changed by those who administer, and their rules are checked."""

import pytest
from rest_framework.test import APIClient

from contentserver.catalog.models import Collection
from contentserver.catalog.rules import collection_rules
from tests.integration.api.conftest import caller
from tests.support.catalog import Library

pytestmark = pytest.mark.django_db


def test_it_makes_changes_and_removes_an_empty_collection(api: APIClient) -> None:
    made = api.post("/api/v1/collections", {"name": "xrays", "media_types": ["image/*"]}, "json")
    assert made.status_code == 201, made.content
    changed = api.patch("/api/v1/collections/xrays", {"max_size": 7, "name": "other"}, "json")
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["max_size"]) == ("xrays", 7)
    assert collection_rules()["xrays"]["media_types"] == ["image/*"]
    assert api.delete("/api/v1/collections/xrays").status_code == 204
    assert not Collection.objects.exists()


def test_it_never_removes_a_collection_that_holds_files(
    api: APIClient, control_plane: Library
) -> None:
    api.post("/api/v1/collections", {"name": "photos"}, "json")
    control_plane.put("a")
    control_plane.carry()
    answer = api.delete("/api/v1/collections/photos")
    assert answer.status_code == 400
    assert "ever removed" in answer.content.decode()
    assert Collection.objects.get().name == "photos"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Photos"), ("name", "../x"), ("name", ""), ("name", "a" * 65),
        ("media_types", ["image"]), ("media_types", ["text/html; charset=x"]),
        ("max_size", 0), ("url_lifetime", 0), ("url_lifetime", 8 * 86_400),
        ("erasure", "sometimes"), ("cache_control", "max-age=1\r\nSet-Cookie: a"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused_with_the_field(
    api: APIClient, field: str, value: object
) -> None:
    answer = api.post("/api/v1/collections", {"name": "good", field: value}, "json")
    assert answer.status_code == 400, answer.content
    assert field in answer.json()["errors"]
    assert not Collection.objects.exists()


def test_whoever_may_only_list_changes_nothing(control_plane: Library) -> None:
    key = control_plane.home.add_client("reader", actions=["list"])
    control_plane.home.publish_policy()
    Collection.objects.create(name="photos")
    reader = caller(key)
    assert reader.get("/api/v1/collections").status_code == 200
    assert reader.post("/api/v1/collections", {"name": "mine"}, "json").status_code == 404
    assert reader.patch("/api/v1/collections/photos", {"max_size": 1}, "json").status_code == 404
    assert reader.delete("/api/v1/collections/photos").status_code == 404
    assert Collection.objects.get().max_size is None
