"""Grants of certain years on the control plane: what lies outside is in no list and 404 by name."""

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.integration.api.conftest import caller
from tests.support.catalog import Library
from tests.support.past_years import open_years, put_in
from tests.support.records import records

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).year
PAST = NOW - 1


@pytest.fixture
def past(control_plane: Library) -> APIClient:
    """A client that may list and read what is of last year."""
    home = control_plane.home
    open_years(home, PAST)
    for key, years in {"both": (PAST, NOW), "old": (PAST,), "new": (NOW,)}.items():
        for year in years:
            put_in(home, year, key, b"of %d" % year)
    control_plane.carry()
    key = home.add_client("past", actions=["list", "read", "sign"])
    home.policy["grants"][-1] |= {"first_year": None, "last_year": PAST}
    home.publish_policy()
    return caller(key)


def addresses(library: Library) -> dict[str, str]:
    return {key: library.store.address("photos", key).hex() for key in ("both", "old", "new")}


def last_reason(library: Library) -> Any:
    return [r["reason"] for r in records(library.home) if r["kind"] == "req"][-1]


def test_lists_show_files_whose_latest_version_is_within(
    control_plane: Library, past: APIClient
) -> None:
    found = past.get("/api/v1/files", {"collection": "photos"}).json()["results"]
    assert [file["key"] for file in found] == ["old"]
    changes = past.get("/api/v1/changes").json()["results"]
    assert {change["version"] for change in changes} == {f"{PAST}.1"}


def test_a_file_outside_is_not_there(control_plane: Library, past: APIClient) -> None:
    named = addresses(control_plane)
    for key, status in {"old": 200, "both": 404, "new": 404}.items():
        assert past.get(f"/api/v1/files/{named[key]}").status_code == status
    assert last_reason(control_plane) == "outside_years"


def test_versions_outside_are_left_out(control_plane: Library, past: APIClient) -> None:
    named = addresses(control_plane)
    both = past.get(f"/api/v1/files/{named['both']}/versions").json()["results"]
    assert [version["version"] for version in both] == [f"{PAST}.1"]
    assert past.get(f"/api/v1/files/{named['new']}/versions").status_code == 404


@pytest.mark.parametrize(("key", "version"), [("both", None), ("both", f"{NOW}.1"), ("new", "x")])
def test_no_link_leads_outside(
    control_plane: Library, past: APIClient, key: str, version: str | None
) -> None:
    query = {} if version is None else {"version": version}
    url = f"/api/v1/files/{addresses(control_plane)[key]}/content"
    assert past.get(url, query).status_code == 404
    assert last_reason(control_plane) == "outside_years"


def test_views_that_do_not_look_at_years_are_closed(
    control_plane: Library, past: APIClient
) -> None:
    assert past.get("/api/v1/years").status_code == 404
    assert last_reason(control_plane) == "outside_years"
    assert past.get("/api/v1/collections").status_code == 200
