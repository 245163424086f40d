"""Storing and deleting over real HTTP: both stages in one PUT, conditions, limits, and nothing
stored on error.
"""

import base64
import hashlib
import os
from urllib.parse import quote

import pytest

from tests.support.plane import DataPlane
from tests.support.records import pairs, records


def digest_of(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def test_201_names_the_version_and_where_it_is(shared_data_plane: DataPlane) -> None:
    http = shared_data_plane.http
    answer = http.put(
        "/v1/content/photos/writing/new", content=b"new", headers={"X-Request-Id": "put-1"}
    )
    assert answer.status_code == 201
    assert answer.json()["size"] == 3
    assert answer.json()["sha256"] == hashlib.sha256(b"new").hexdigest()
    location = answer.headers["location"].removeprefix(shared_data_plane.url)
    assert http.get(location).content == b"new"
    asked, done = pairs(shared_data_plane, "put-1")
    assert len(asked) == len(done) == 1
    assert done[0]["version"] == answer.headers["x-version"]
    assert done[0]["status"] == 201


def test_the_same_bytes_again_are_200_and_no_version(shared_data_plane: DataPlane) -> None:
    http, url = shared_data_plane.http, "/v1/content/photos/writing/retry"
    first = http.put(url, content=b"same", headers={"Content-Type": "text/plain"})
    again = http.put(url, content=b"same", headers={"Content-Type": "text/plain"})
    other_type = http.put(url, content=b"same", headers={"Content-Type": "text/csv"})
    assert (first.status_code, again.status_code, other_type.status_code) == (201, 200, 201)
    assert again.headers["x-version"] == first.headers["x-version"]
    assert other_type.headers["x-version"] != first.headers["x-version"]


def test_a_chunked_body_is_stored(shared_data_plane: DataPlane) -> None:
    pieces = [os.urandom(70_000) for _ in range(40)]
    url = "/v1/content/photos/writing/chunked"
    assert shared_data_plane.http.put(url, content=iter(pieces)).status_code == 201
    assert shared_data_plane.http.get(url).content == b"".join(pieces)


def test_conditions_guard_a_write(shared_data_plane: DataPlane) -> None:
    http, url = shared_data_plane.http, "/v1/content/photos/writing/guarded"
    assert http.put(url, content=b"1", headers={"If-Match": "*"}).status_code == 412
    first = http.put(url, content=b"1", headers={"If-None-Match": "*"})
    assert first.status_code == 201
    assert http.put(url, content=b"2", headers={"If-None-Match": "*"}).status_code == 412
    assert (
        http.put(url, content=b"2", headers={"If-Match": '"2020.1-0000000000000000"'}).status_code
        == 412
    )
    assert (
        http.put(url, content=b"2", headers={"If-Match": first.headers["etag"]}).status_code == 201
    )
    assert http.put(url, content=b"3", headers={"If-Match": "nonsense"}).status_code == 400
    assert http.get(url).content == b"2"


def test_a_declared_digest_is_checked(shared_data_plane: DataPlane) -> None:
    http, url = shared_data_plane.http, "/v1/content/photos/writing/digest"
    wrong = http.put(url, content=b"body", headers={"Repr-Digest": digest_of(b"other")})
    assert wrong.status_code == 422
    assert wrong.json()["type"].endswith("/digest_mismatch")
    assert (
        http.put(url, content=b"body", headers={"Repr-Digest": "sha-256=:AAAA:"}).status_code == 400
    )
    assert http.get(url).status_code == 404
    assert (
        http.put(url, content=b"body", headers={"Repr-Digest": digest_of(b"body")}).status_code
        == 201
    )


def test_delete_is_a_version_and_the_older_one_stays(shared_data_plane: DataPlane) -> None:
    http, url = shared_data_plane.http, "/v1/content/photos/writing/deleted"
    assert http.delete(url).status_code == 404
    first = http.put(url, content=b"there").headers
    assert http.delete(url, headers={"If-Match": '"2020.1-0000000000000000"'}).status_code == 412
    assert http.delete(url, headers={"If-None-Match": first["etag"]}).status_code == 412
    gone = http.delete(url)
    assert (gone.status_code, gone.content) == (204, b"")
    assert http.get(url).status_code == 410
    assert http.delete(url).status_code == 410
    assert http.get(url, params={"version": first["x-version"]}).content == b"there"
    assert http.put(url, content=b"again", headers={"If-None-Match": "*"}).status_code == 201
    versions = http.get("/v1/versions/photos/writing/deleted").json()["versions"]
    assert [version["deleted"] for version in versions] == [False, True, False]


def test_heads_answer_for_many_keys_at_once(shared_data_plane: DataPlane) -> None:
    http = shared_data_plane.http
    stored = http.put("/v1/content/photos/heads/a", content=b"abc").headers
    body = {"collection": "photos", "keys": ["heads/a", "heads/absent"]}
    answer = http.post("/v1/heads", json=body)
    assert answer.status_code == 200
    heads = answer.json()["heads"]
    assert heads["heads/a"]["version"] == stored["x-version"]
    assert heads["heads/a"]["sha256"] == hashlib.sha256(b"abc").hexdigest()
    assert heads["heads/absent"] is None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}",
        b'{"collection":"photos","keys":[]}', b'{"collection":"photos","keys":"a"}',
        b'{"collection":1,"keys":["a"]}', b'{"collection":"photos","keys":["../x"]}',
        b'{"collection":"photos","keys":["' + b'a","' * 100 + b'a"]}', b"\xff\xfe",
    ],
)  # fmt: skip
def test_heads_that_cannot_be_read_are_400(shared_data_plane: DataPlane, body: bytes) -> None:
    answer = shared_data_plane.http.post("/v1/heads", content=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_limits_of_a_collection_are_kept(start_data_plane) -> None:
    plane = start_data_plane()
    plane.policy["collections"]["photos"] |= {"max_size": 1000, "media_types": ["image/*"]}
    plane.obey()
    url, image = "/v1/content/photos/limited", {"Content-Type": "image/png"}
    assert plane.http.put(url, content=b"x" * 1001, headers=image).status_code == 413
    assert plane.http.put(url, content=iter([b"x" * 600] * 2), headers=image).status_code == 413
    assert (
        plane.http.put(url, content=b"x", headers={"Content-Type": "text/html"}).status_code == 415
    )
    assert plane.http.put(url, content=b"x").status_code == 415
    assert plane.http.get(url).status_code == 404
    assert plane.http.put(url, content=b"x" * 1000, headers=image).status_code == 201


def test_a_data_subject_is_asked_for_where_the_rule_is_field(start_data_plane) -> None:
    plane = start_data_plane()
    plane.policy["collections"]["photos"]["erasure"] = "field"
    plane.obey()
    url = "/v1/content/photos/subject"
    missing = plane.http.put(url, content=b"x")
    assert missing.status_code == 400
    assert "Data-Subject" in missing.json()["detail"]
    assert (
        plane.http.put(url, content=b"x", headers={"Data-Subject": "patient-7"}).status_code == 201
    )
    assert plane.http.get(url).content == b"x"


@pytest.mark.parametrize("key", ["k" * 512, "é" * 256, "short"])
def test_a_key_of_any_length_may_be_the_data_subject(
    shared_data_plane: DataPlane, key: str
) -> None:
    """ "documents" is erasable by the whole key; metadata have room for 128 bytes of subject."""
    url = f"/v1/content/documents/{quote(key)}"
    assert shared_data_plane.http.put(url, content=b"x").status_code == 201
    assert shared_data_plane.http.get(url).content == b"x"


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"Content-Type": "no media type"}, "Content-Type"),
        ({"Content-Type": "text/" + "x" * 200}, "Content-Type"),
        ({"Content-Disposition": 'attachment; filename="a"; filename="b"'}, "Content-Disposition"),
        ({"Content-Disposition": 'attachment; filename="' + "é" * 300 + '"'}, "filename"),
        ({"X-Custom": "{"}, "X-Custom"),
        ({"X-Custom": '{"a": 1}'}, "X-Custom"),
        ({"X-Custom": '{"a": "' + "b" * 1100 + '"}'}, "custom"),
        ({"Repr-Digest": "md5"}, "Repr-Digest"),
    ],
)
def test_metadata_that_cannot_be_kept_is_400_and_nothing_is_stored(
    shared_data_plane: DataPlane, headers: dict[str, str], named: str
) -> None:
    url = "/v1/content/photos/writing/metadata"
    raw = {name: value.encode() for name, value in headers.items()}
    answer = shared_data_plane.http.put(url, content=b"x", headers=raw)
    assert answer.status_code == 400, answer.text
    assert named in answer.json()["detail"]
    assert shared_data_plane.http.get(url).status_code == 404


def test_a_name_in_utf_8_is_recorded_as_it_was_sent(shared_data_plane: DataPlane) -> None:
    headers = {b"On-Behalf-Of": "Åsa Öberg".encode(), b"X-Request-Id": b"utf-8-1"}
    answer = shared_data_plane.http.put("/v1/content/photos/utf-8", content=b"x", headers=headers)
    assert answer.status_code == 201
    asked, _ = pairs(shared_data_plane, "utf-8-1")
    assert asked[0]["private"]["end_user"] == "Åsa Öberg"


def test_a_write_is_acknowledged_after_its_end_is_recorded(shared_data_plane: DataPlane) -> None:
    """With kill -9 right after 201 the ledger still knows which version must be there."""
    for number in range(20):
        url = f"/v1/content/photos/done-first/{number}"
        request_id = f"done-first-{number}"
        shared_data_plane.http.put(url, content=b"x", headers={"X-Request-Id": request_id})
        found = records(shared_data_plane)
        asked = {(r["writer"], r["n"]) for r in found if r.get("id") == request_id}
        assert any(r["kind"] == "done" and (r["writer"], r["ref"]) in asked for r in found)
