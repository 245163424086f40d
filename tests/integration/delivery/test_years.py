"""Grants of certain years on the data plane. The promise: what lies outside of them looks as if it
were not there, in every way to ask, and the record says why.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from skold import urls
from tests.support.past_years import delete_in, open_years, put_in
from tests.support.plane import DataPlane
from tests.support.records import pairs

NOW = datetime.now(UTC).year
PAST, BEFORE = NOW - 1, NOW - 2
ABSENT = "/v1/content/photos/nothing.jpg"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    plane = DataPlane(tmp_path_factory.mktemp("years") / "home")
    open_years(plane, BEFORE, PAST)
    for year in (BEFORE, PAST, NOW):
        put_in(plane, year, "every.jpg", b"of %d" % year)
    put_in(plane, BEFORE, "old.jpg", b"old")
    put_in(plane, BEFORE, "repeated.jpg", b"same")
    put_in(plane, BEFORE, "gone.jpg", b"gone")
    delete_in(plane, BEFORE, "gone.jpg")
    plane.past = give(plane, "past", PAST, PAST)  # type: ignore[attr-defined]
    plane.now = give(plane, "now", NOW, None)  # type: ignore[attr-defined]
    plane.secret = add_url_key(plane, "now")  # type: ignore[attr-defined]
    plane.publish_policy()
    try:
        yield plane.start()
    finally:
        plane.close()


def give(plane: DataPlane, name: str, first: int | None, last: int | None) -> httpx.Client:
    """A client that may do everything in these years."""
    key = plane.add_client(name, actions=["read", "write", "delete", "sign"])
    plane.policy["grants"][-1] |= {"first_year": first, "last_year": last}
    return plane.client(key)


def add_url_key(plane: DataPlane, client: str) -> bytes:
    from contentserver import runtime
    from tests.support.plane import replaced_environment

    secret = urls.new_url_secret()
    with replaced_environment(plane.environment):
        number, wrapping = max(runtime.data_keyset(plane.config).url_keys.items())
    plane.policy["url_keys"].append(
        {
            "id": "kid",
            "client": client,
            "wrapped": urls.wrap_url_key(wrapping, "kid", secret),
            "wrapping": number,
            "expires": None,
        }
    )
    return secret


def reason(plane: DataPlane, answer: httpx.Response) -> tuple[Any, ...]:
    (asked,), _ = pairs(plane, answer.headers["x-request-id"])
    return asked["decision"], asked["reason"], asked.get("rule")


def looks_absent(client: httpx.Client, answer: httpx.Response) -> bool:
    """The same answer as for a file that nobody ever stored, but for what names the request."""
    absent = client.request(answer.request.method, ABSENT)
    own = ("x-request-id", "date")
    return (
        answer.status_code == absent.status_code == 404
        and answer.content == absent.content
        and [h for h in answer.headers.items() if h[0] not in own]
        == [h for h in absent.headers.items() if h[0] not in own]
    )


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "asked",
    [
        "every.jpg",
        "old.jpg",
        "gone.jpg",
        f"every.jpg?version={NOW}.1",
        f"every.jpg?version={BEFORE}.1",
        f"every.jpg?version={BEFORE}.7",
        f"every.jpg?as_of={BEFORE}",
        f"every.jpg?as_of={NOW}",
    ],
)
def test_what_is_outside_looks_absent_and_the_record_says_why(
    plane: DataPlane, method: str, asked: str
) -> None:
    past: httpx.Client = plane.past  # type: ignore[attr-defined]
    answer = past.request(method, f"/v1/content/photos/{asked}")
    assert looks_absent(past, answer)
    assert reason(plane, answer) == ("refuse", "outside_years", "grant:2")


@pytest.mark.parametrize("asked", [f"?version={PAST}.1", f"?as_of={PAST}"])
def test_what_is_within_is_served_under_its_rule(plane: DataPlane, asked: str) -> None:
    answer = plane.past.get(f"/v1/content/photos/every.jpg{asked}")  # type: ignore[attr-defined]
    assert (answer.status_code, answer.content) == (200, b"of %d" % PAST)
    assert reason(plane, answer) == ("allow", "granted", "grant:2")
    latest = plane.now.get("/v1/content/photos/every.jpg")  # type: ignore[attr-defined]
    assert (latest.status_code, latest.content) == (200, b"of %d" % NOW)
    assert reason(plane, latest) == ("allow", "granted", "grant:3")


def test_versions_lists_those_within_and_nothing_where_there_is_none(plane: DataPlane) -> None:
    past: httpx.Client = plane.past  # type: ignore[attr-defined]
    listed = past.get("/v1/versions/photos/every.jpg").json()["versions"]
    assert [each["version"] for each in listed] == [f"{PAST}.1"]
    none = past.get("/v1/versions/photos/old.jpg")
    absent = past.get("/v1/versions/photos/nothing.jpg")
    assert (
        (none.status_code, none.content)
        == (absent.status_code, absent.content)
        == (404, absent.content)
    )
    assert reason(plane, none)[1] == "outside_years"


def test_heads_are_null_outside(plane: DataPlane) -> None:
    asked = {"collection": "photos", "keys": ["every.jpg", "old.jpg", "nothing.jpg"]}
    heads = plane.past.post("/v1/heads", json=asked).json()["heads"]  # type: ignore[attr-defined]
    assert heads == {"every.jpg": None, "old.jpg": None, "nothing.jpg": None}
    heads = plane.now.post("/v1/heads", json=asked).json()["heads"]  # type: ignore[attr-defined]
    assert heads["every.jpg"]["version"] == f"{NOW}.1"
    assert heads["old.jpg"] is None


def test_signed_urls_reach_no_further_than_their_signer(plane: DataPlane) -> None:
    def signed(**more: Any) -> str:
        return urls.sign_url(
            plane.secret,  # type: ignore[attr-defined]
            "kid",
            "GET",
            "/v1/content/photos/every.jpg",
            expires=int(time.time()) + 60,
            **more,
        )

    anonymous = plane.client()
    assert anonymous.get(signed()).content == b"of %d" % NOW
    refused = anonymous.get(signed(parameters=[("version", f"{PAST}.1")]))
    assert refused.status_code == 404
    assert reason(plane, refused) == ("refuse", "outside_years", "grant:3")


def test_a_write_needs_the_year_of_its_commit(plane: DataPlane) -> None:
    refused = plane.past.put("/v1/content/photos/mine.jpg", content=b"x")  # type: ignore[attr-defined]
    assert refused.status_code == 404
    assert reason(plane, refused) == ("refuse", "outside_years", "grant:2")
    assert plane.http.get("/v1/content/photos/mine.jpg").status_code == 404
    stored = plane.now.put("/v1/content/photos/old.jpg", content=b"newer")  # type: ignore[attr-defined]
    assert (stored.status_code, stored.headers["x-version"]) == (201, f"{NOW}.1")
    assert reason(plane, stored) == ("allow", "granted", "grant:3")


def test_a_repetition_of_a_version_outside_is_a_new_version(plane: DataPlane) -> None:
    same = {"content": b"same", "headers": {"Content-Type": "image/jpeg"}}
    url = "/v1/content/photos/repeated.jpg"
    assert plane.http.put(url, **same).headers["x-version"] == f"{BEFORE}.1"
    stored = plane.now.put(url, **same)  # type: ignore[attr-defined]
    assert (stored.status_code, stored.headers["x-version"]) == (201, f"{NOW}.1")
    assert plane.now.put(url, **same).status_code == 200  # type: ignore[attr-defined]


def test_a_delete_needs_the_year_of_what_it_hides_and_its_own(plane: DataPlane) -> None:
    put_in(plane, BEFORE, "kept.jpg", b"kept")
    for client in (plane.past, plane.now):  # type: ignore[attr-defined]
        refused = client.delete("/v1/content/photos/kept.jpg")
        assert looks_absent(client, refused)
        assert reason(plane, refused)[1] == "outside_years"
    put_in(plane, NOW, "kept.jpg", b"newer")
    assert plane.past.delete("/v1/content/photos/kept.jpg").status_code == 404  # type: ignore[attr-defined]
    assert plane.now.delete("/v1/content/photos/kept.jpg").status_code == 204  # type: ignore[attr-defined]
    gone = plane.now.delete("/v1/content/photos/gone.jpg")  # type: ignore[attr-defined]
    assert gone.status_code == 404
    assert plane.http.delete("/v1/content/photos/gone.jpg").status_code == 410
