"""Files are found by what people know of them, page by page, and only by those who may."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from tests.integration.api.conftest import caller
from tests.support.catalog import Library

pytestmark = pytest.mark.django_db


@pytest.fixture
def filled(control_plane: Library) -> Library:
    for number in range(12):
        control_plane.put(f"2026/{number:02}.jpg", b"x" * number, filename=f"{number}.jpg")
    control_plane.put("2026/scan.pdf", media_type="application/pdf")
    control_plane.put("letters/1", collection="documents", media_type="text/plain")
    control_plane.put("2026/00.jpg", b"newer")
    control_plane.delete("2026/01.jpg")
    control_plane.carry()
    return control_plane


def keys(api: APIClient, **query: Any) -> list[str]:
    answer = api.get("/api/v1/files", query)
    assert answer.status_code == 200, answer.content
    return sorted(file["key"] for file in answer.json()["results"])


def test_it_finds_by_collection_prefix_type_uploader_and_state(
    api: APIClient, filled: Library
) -> None:
    assert keys(api, collection="documents") == ["letters/1"]
    assert len(keys(api, collection="photos", prefix="2026/0")) == 10
    assert keys(api, key="2026/scan.pdf") == ["2026/scan.pdf"]
    assert keys(api, media_type="application/*") == ["2026/scan.pdf"]
    assert keys(api, media_type="text/plain") == ["letters/1"]
    assert keys(api, deleted="true") == ["2026/01.jpg"]
    assert len(keys(api, created_by="tester", deleted="false")) == 13
    assert keys(api, created_by="nobody") == []


def test_it_finds_by_time_and_year(api: APIClient, filled: Library) -> None:
    now = dt.datetime.now(dt.UTC)
    assert len(keys(api, stored_from=(now - dt.timedelta(hours=1)).isoformat())) == 14
    assert keys(api, stored_before=(now - dt.timedelta(hours=1)).isoformat()) == []
    assert len(keys(api, year=now.year)) == 14
    assert keys(api, year=1999) == []


def test_pages_follow_each_other_without_gap_repetition_or_count(
    api: APIClient, filled: Library
) -> None:
    seen: list[str] = []
    url: str | None = "/api/v1/files?page_size=5"
    with CaptureQueriesContext(
        connection,
    ) as queries:
        while url:
            page = api.get(url).json()
            seen += [file["key"] for file in page["results"]]
            url = page["next"]
    assert len(seen) == len(set(seen)) == 14
    assert not [query for query in queries if "COUNT(" in query["sql"].upper()]


def test_a_file_is_told_with_the_facts_of_its_latest_version(
    api: APIClient, filled: Library
) -> None:
    file_id = filled.store.address("photos", "2026/00.jpg").hex()
    file = api.get(f"/api/v1/files/{file_id}").json()
    assert (file["id"], file["key"], file["size"]) == (file_id, "2026/00.jpg", 5)
    assert file["version"].endswith(".2")
    versions = api.get(f"/api/v1/files/{file_id}/versions").json()["results"]
    assert [version["version"].rpartition(".")[2] for version in versions] == ["2", "1"]
    assert versions[1]["sha256"].startswith("e3b0c442")


def test_a_grant_for_a_prefix_finds_below_it_and_nothing_else(filled: Library) -> None:
    filled.home.add_client("clerk", actions=["list"], collection="photos", prefix="2026/0")
    key = filled.home.add_key("clerk")
    filled.home.publish_policy()
    clerk = caller(key)

    def status(query: str) -> int:
        return int(clerk.get(f"/api/v1/files{query}").status_code)

    assert len(keys(clerk, collection="photos", prefix="2026/0")) == 10
    assert status("?collection=photos&prefix=2026/") == 404
    assert status("?collection=photos") == 404
    assert status("?collection=documents&prefix=2026/0") == 404
    assert status("") == 404
    inside = filled.store.address("photos", "2026/02.jpg").hex()
    outside = filled.store.address("photos", "2026/10.jpg").hex()
    assert status(f"/{inside}") == 200
    assert status(f"/{outside}") == 404
    assert status(f"/{inside}/content") == 404  # list is not read


def test_a_space_at_the_end_of_a_prefix_is_part_of_the_grant(control_plane: Library) -> None:
    control_plane.put("a secret")
    control_plane.put("a/other")
    control_plane.carry()
    key = control_plane.home.add_client("clerk", actions=["list"], collection="photos", prefix="a ")
    control_plane.home.publish_policy()
    assert keys(caller(key), collection="photos", prefix="a ") == ["a secret"]


def test_an_absent_and_a_forbidden_file_look_the_same(filled: Library) -> None:
    key = filled.home.add_client("stranger", actions=["list"], collection="documents")
    filled.home.publish_policy()
    stranger = caller(key)
    forbidden = filled.store.address("photos", "2026/02.jpg").hex()
    answers = [stranger.get(f"/api/v1/files/{name}") for name in (forbidden, uuid.uuid4().hex)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    "query",
    [
        "after=nonsense", "after=WzEsMl0", "page_size=0", "page_size=99999", "page_size=x",
        "year=abc", "year=99999999999", "stored_from=yesterday", "prefix=%00", "key=a%00b",
        "after=WyIyMDI2LTAxLTAxIiwibm8tdXVpZCJd", "media_type=%00/*",
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_meant_is_400_with_the_field(
    api: APIClient, filled: Library, query: str
) -> None:
    answer = api.get(f"/api/v1/files?collection=photos&{query}")
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
