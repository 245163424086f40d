"""The list of uploads in progress: for those who administer, in pages, without keys of files."""

import time
from uuid import uuid4

import pytest

from contentserver.operations.uploads import record_uploads
from contentserver.store.results import StagedUpload
from tests.integration.api.conftest import caller
from tests.support.catalog import Library

pytestmark = pytest.mark.django_db
HOUR = 3600 * 10**9


def upload(number: int) -> StagedUpload:
    now = time.time_ns()
    return StagedUpload(
        id=uuid4(), root="root-1", client=f"client-{number % 2}", collection="photos", length=10,
        offset=number, held=4096, commit_auto=False, refused=False,
        created_at_ns=now - (10 - number) * HOUR, expires_at_ns=now + HOUR,
    )  # fmt: skip


def test_it_lists_them_oldest_first_in_pages(control_plane: Library) -> None:
    record_uploads("node-1", [upload(number) for number in range(5)])
    api = caller(control_plane.home.api_key)
    first = api.get("/api/v1/uploads", {"page_size": 3}).json()
    assert [row["offset"] for row in first["results"]] == [0, 1, 2]
    second = api.get(first["next"]).json()
    assert [row["offset"] for row in second["results"]] == [3, 4]
    assert (second["results"][0]["state"], second["next"]) == ("receiving", None)
    found = api.get("/api/v1/uploads", {"client": "client-1"}).json()["results"]
    assert [row["offset"] for row in found] == [1, 3]
    assert not {"key", "filename"} & set(found[0])


def test_who_may_only_upload_does_not_see_others(control_plane: Library) -> None:
    key = control_plane.home.add_client("portal", actions=["stage", "commit", "list"])
    control_plane.home.publish_policy()
    assert caller(key).get("/api/v1/uploads").status_code == 404
