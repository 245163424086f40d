"""What an answer from legacy looks like: short files as ours, long ones as they come."""

import base64
import hashlib
from collections.abc import Iterator

import httpx
import pytest

from tests.support.records import pairs
from tests.support.sources import Moving

CONTENT = b"0123456789" * 10
LONG = bytes(range(256)) * 8192  # 2 MiB
CHANGED = 1_600_000_000


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moving]:
    plane = Moving(tmp_path_factory.mktemp("legacy") / "home")
    for name in ("s.jpg", "html.jpg", "odd.jpg"):
        plane.legacy.put(
            "legacy", name, CONTENT, filename="Ö\r\nx.jpg", modified_ns=CHANGED * 10**9
        )
    plane.legacy.put("legacy", "html.jpg", b"<script>", media_type="text/html")
    plane.legacy.put("legacy", "odd.jpg", b"x", media_type="image\r\nX-Evil: 1")
    plane.legacy.put("legacy", "big.jpg", LONG)
    plane.legacy.put("legacy", "long.jpg", LONG, stream=True, size=len(LONG))
    plane.legacy.put("legacy", "unsized.jpg", LONG, stream=True)
    try:
        yield plane.start()
    finally:
        plane.close()


def get(plane: Moving, name: str, **headers: str) -> httpx.Response:
    names = {key.replace("_", "-"): value for key, value in headers.items()}
    return plane.http.get(f"/v1/content/legacy/{name}", headers=names)


def test_a_short_file_has_all_that_a_stored_one_has(plane: Moving) -> None:
    answer = get(plane, "s.jpg")
    digest = hashlib.sha256(CONTENT).digest()
    headers = answer.headers
    assert answer.content == CONTENT
    assert headers["etag"] == f'"legacy-{digest.hex()[:16]}"'
    assert headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert headers["last-modified"] == "Sun, 13 Sep 2020 12:26:40 GMT"
    assert headers["accept-ranges"] == "bytes"
    assert headers["cache-control"] == "private, no-cache"
    assert headers["content-type"] == "image/jpeg"
    assert headers["content-disposition"].startswith("inline")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert "x-version" not in headers
    head = plane.http.head("/v1/content/legacy/s.jpg")
    assert head.content == b""
    same = ("etag", "content-length", "content-type", "repr-digest", "last-modified")
    assert [head.headers[name] for name in same] == [headers[name] for name in same]


def test_ranges_and_conditions_hold_for_it(plane: Moving) -> None:
    etag = get(plane, "s.jpg").headers["etag"]
    part = get(plane, "s.jpg", Range="bytes=3-5")
    assert (part.status_code, part.content) == (206, b"345")
    assert part.headers["content-range"] == "bytes 3-5/100"
    assert get(plane, "s.jpg", Range="bytes=100-").status_code == 416
    unchanged = get(plane, "s.jpg", If_None_Match=etag)
    assert (unchanged.status_code, unchanged.headers["etag"]) == (304, etag)
    assert "content-type" not in unchanged.headers
    assert get(plane, "s.jpg", If_Match='"2025.1-0000000000000000"').status_code == 412
    since = get(plane, "s.jpg", If_Modified_Since="Sun, 13 Sep 2020 12:26:40 GMT")
    assert since.status_code == 304


def test_what_legacy_calls_a_file_opens_no_hole(plane: Moving) -> None:
    page = get(plane, "html.jpg")
    assert page.headers["content-disposition"].startswith("attachment")
    odd = get(plane, "odd.jpg")
    assert odd.headers["content-type"] == "application/octet-stream"
    assert "x-evil" not in odd.headers
    assert "\n" not in get(plane, "s.jpg").headers["content-disposition"]


def test_a_file_beyond_a_piece_is_sent_whole(plane: Moving) -> None:
    answer = get(plane, "big.jpg")
    assert answer.content == LONG
    assert "etag" in answer.headers


@pytest.mark.parametrize("name", ["long.jpg", "unsized.jpg"])
def test_a_stream_comes_without_what_is_not_known(plane: Moving, name: str) -> None:
    answer = get(plane, name, Range="bytes=0-9")
    assert (answer.status_code, answer.content) == (200, LONG)
    assert answer.headers["accept-ranges"] == "none"
    assert "etag" not in answer.headers
    assert "repr-digest" not in answer.headers
    assert ("content-length" in answer.headers) is (name == "long.jpg")
    head = plane.http.head(f"/v1/content/legacy/{name}")
    assert (head.status_code, head.content) == (200, b"")
    assert ("content-length" in head.headers) is (name == "long.jpg")


@pytest.mark.parametrize("facts", [{"size": len(LONG)}, {}], ids=["announced", "chunked"])
def test_a_stream_that_fails_in_the_middle_never_ends_cleanly(
    plane: Moving, facts: dict[str, int]
) -> None:
    plane.legacy.put("legacy", "torn.jpg", LONG, stream=True, cut=len(LONG) // 2, **facts)
    request_id = f"torn-{len(facts)}"
    with pytest.raises(httpx.RemoteProtocolError):
        get(plane, "torn.jpg", X_Request_Id=request_id)
    _, done = pairs(plane, request_id)
    assert done[0]["outcome"] == "broken_off"
    assert 0 < done[0]["bytes"] < len(LONG)


@pytest.mark.parametrize("size", [len(LONG) - 1, len(LONG) + 1])
def test_a_stream_of_another_length_than_announced_breaks_off(plane: Moving, size: int) -> None:
    plane.legacy.put("legacy", "wrong.jpg", LONG, stream=True, size=size)
    with pytest.raises(httpx.RemoteProtocolError):
        get(plane, "wrong.jpg")


def test_a_stream_that_fails_at_once_is_503(plane: Moving) -> None:
    plane.legacy.put("legacy", "nothing.jpg", LONG, stream=True, cut=0)
    assert get(plane, "nothing.jpg").status_code == 503
