"""Reading over real HTTP: versions, conditions, ranges, headers."""

import base64
import hashlib
import os
import time

import pytest

from contentserver.protocol.dates import parse_http_date
from tests.support.plane import DataPlane
from tests.support.records import pairs


@pytest.fixture(scope="module")
def photo(shared_data_plane: DataPlane) -> tuple[DataPlane, str, bytes, dict[str, str]]:
    body = os.urandom(300_000)
    url = "/v1/content/photos/reading/photo.jpg"
    headers = {
        "Content-Type": "image/jpeg",
        "Content-Disposition": 'attachment; filename="my photo.jpg"',
    }
    answer = shared_data_plane.http.put(url, content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return shared_data_plane, url, body, dict(answer.headers)


def test_last_modified_is_never_later_than_date(shared_data_plane: DataPlane) -> None:
    url = "/v1/content/photos/reading/dated"
    for number in range(3):
        time.sleep(1.02 - time.time() % 1)  # just after the turn of a second
        shared_data_plane.http.put(url, content=b"%d" % number).raise_for_status()
        headers = shared_data_plane.http.get(url).headers
        modified, date = (
            parse_http_date(headers[name].strip()) for name in ("last-modified", "date")
        )
        assert modified <= date
        assert abs(time.time() - date) < 2
        assert headers.get_list("date") == [headers["date"]]


def test_it_gives_back_what_was_stored(photo) -> None:
    plane, url, body, stored = photo
    answer = plane.http.get(url)
    assert answer.status_code == 200
    assert answer.content == body
    assert answer.headers["etag"] == stored["etag"]
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["content-disposition"] == 'inline; filename="my photo.jpg"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["accept-ranges"] == "bytes"


def test_head_answers_like_get_without_a_body(photo) -> None:
    plane, url, body, _ = photo
    get, head = plane.http.get(url), plane.http.head(url)
    assert head.content == b""
    ours = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in ours} == {
        k: v for k, v in get.headers.items() if k not in ours
    }
    assert head.headers["content-length"] == str(len(body))


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=-1", 299_999, 300_000),
        ("bytes=131000-131200", 131_000, 131_201),  # over the border of two segments
        ("bytes=299990-400000", 299_990, 300_000),
        ("bytes=5-", 5, 300_000),
    ],
)
def test_a_range_is_answered_with_its_bytes(photo, value: str, start: int, end: int) -> None:
    plane, url, body, _ = photo
    answer = plane.http.get(url, headers={"Range": value})
    assert answer.status_code == 206
    assert answer.content == body[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(body)}"


@pytest.mark.parametrize(
    "value", ["bytes=0-1,5-9", "items=0-1", "bytes=9-5", "bytes=" + "0-1," * 200 + "0-1"]
)
def test_what_is_no_single_range_is_answered_with_the_whole(photo, value: str) -> None:
    plane, url, body, _ = photo
    answer = plane.http.get(url, headers={"Range": value})
    assert (answer.status_code, answer.content) == (200, body)


@pytest.mark.parametrize("value", ["bytes=300000-", "bytes=99999999999999999999-", "bytes=-0"])
def test_a_range_past_the_end_is_416_with_the_size(photo, value: str) -> None:
    plane, url, body, _ = photo
    answer = plane.http.get(url, headers={"Range": value})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(body)}"
    assert answer.headers["content-type"] == "application/problem+json"


def test_conditions_are_judged_in_the_order_of_rfc_9110(photo) -> None:
    plane, url, body, stored = photo
    get = plane.http.get
    assert get(url, headers={"If-None-Match": stored["etag"]}).status_code == 304
    assert get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    assert get(url, headers={"If-Match": '"other"'}).status_code == 412
    assert (
        get(url, headers={"If-Match": stored["etag"], "If-None-Match": stored["etag"]}).status_code
        == 304
    )
    modified = get(url).headers["last-modified"]
    assert get(url, headers={"If-Modified-Since": modified}).status_code == 304
    assert get(url, headers={"If-Range": stored["etag"], "Range": "bytes=0-9"}).content == body[:10]
    assert get(url, headers={"If-Range": '"other"', "Range": "bytes=0-9"}).content == body


def test_304_carries_no_body_and_the_validators(photo) -> None:
    plane, url, _, stored = photo
    answer = plane.http.get(url, headers={"If-None-Match": stored["etag"]})
    assert answer.content == b""
    assert answer.headers["etag"] == stored["etag"]
    assert "content-type" not in answer.headers


def test_an_older_version_keeps_its_bytes(shared_data_plane: DataPlane) -> None:
    http, url = shared_data_plane.http, "/v1/content/photos/reading/twice.txt"
    first = http.put(url, content=b"first").headers["x-version"]
    second = http.put(url, content=b"second").headers["x-version"]
    assert http.get(url).content == b"second"
    assert http.get(url, params={"version": first}).content == b"first"
    assert http.get(url, params={"version": second}).content == b"second"
    year = first.partition(".")[0]
    assert http.get(url, params={"as_of": year}).content == b"second"
    assert http.get(url, params={"as_of": "2001"}).status_code == 404
    assert http.get(url, params={"version": f"{year}.3"}).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "version=1",
        "version=2026.01",
        "as_of=26",
        "as_of=2026&version=2026.1",
        "verison=2026.1",
        "as_of=2025&as_of=2024",
    ],
)
def test_a_query_that_is_not_understood_is_400_and_names_the_parameter(photo, query: str) -> None:
    plane, url, _, _ = photo
    answer = plane.http.get(f"{url}?{query}")
    assert answer.status_code == 400
    assert any(name in answer.json()["detail"] for name in ("version", "as_of", "verison"))


def test_every_read_leaves_one_pair_of_records(photo) -> None:
    plane, url, body, stored = photo
    answer = plane.http.get(url, headers={"X-Request-Id": "reading-1", "On-Behalf-Of": "alice"})
    assert answer.headers["x-request-id"] == "reading-1"
    asked, done = pairs(plane, "reading-1")
    assert [record["decision"] for record in asked] == ["allow"]
    assert asked[0]["action"] == "read"
    assert asked[0]["version"] == stored["x-version"]
    assert asked[0]["end_user_known"] == "asserted"
    assert asked[0]["private"]["end_user"] == "alice"
    assert asked[0]["private"]["key"] == "reading/photo.jpg"
    assert [(record["status"], record["bytes"]) for record in done] == [(200, len(body))]


@pytest.mark.parametrize(
    "size", [0, 1, 131_015, 131_016, 131_017, 262_072, 1 << 20, (1 << 20) + 1, 5_000_001]
)
def test_sizes_at_the_borders_of_segments_come_back_equal(
    shared_data_plane: DataPlane, size: int
) -> None:
    http, url = shared_data_plane.http, f"/v1/content/photos/sizes/{size}"
    body = os.urandom(size)
    assert http.put(url, content=body).status_code == 201
    answer = http.get(url)
    assert answer.content == body
    assert answer.headers["content-length"] == str(size)


def test_a_collection_may_let_exact_versions_be_cached(start_data_plane) -> None:
    plane = start_data_plane()
    plane.policy["collections"]["photos"]["cache_control"] = "private, max-age=31536000, immutable"
    plane.obey()
    version = plane.http.put("/v1/content/photos/a", content=b"a").headers["x-version"]
    assert plane.http.get("/v1/content/photos/a").headers["cache-control"] == "private, no-cache"
    exact = plane.http.get("/v1/content/photos/a", params={"version": version})
    assert exact.headers["cache-control"] == "private, max-age=31536000, immutable"
