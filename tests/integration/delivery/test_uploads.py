"""Uploads in two stages. The promise: nothing but what its own client sent and committed becomes a
version; whatever is refused leaves nothing behind, and one pair of records.
"""

import hashlib
import time
from collections.abc import Iterator

import httpx
import pytest

from contentserver.protocol.digests import format_sha256
from tests.support.plane import DataPlane
from tests.support.records import pairs
from tests.support.tus import OFFSET_TYPE, UNKNOWN, Tus, checksum, metadata

ABC = hashlib.sha256(b"abc").hexdigest()


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    plane = DataPlane(tmp_path_factory.mktemp("uploads") / "home")
    collections = plane.policy["collections"]
    collections["small"] = {**collections["photos"], "max_size": 5, "media_types": ["image/*"]}
    collections["about"] = {**collections["photos"], "erasure": "field"}
    collections["asking"] = {**collections["photos"], "on_behalf_of": "required"}
    plane.others = plane.client(plane.add_client("others"))  # type: ignore[attr-defined]
    plane.stager = plane.client(plane.add_client("stager", actions=["stage", "read"]))  # type: ignore[attr-defined]
    plane.publish_policy()
    try:
        yield plane.start()
    finally:
        plane.close()


@pytest.fixture
def tus(plane: DataPlane) -> Tus:
    return Tus(plane.http)


def staged(plane: DataPlane) -> set[str]:
    """What lies in staging."""
    return {path.name for path in (plane.config.roots[0] / "staging").iterdir()}


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def reason_of(plane: DataPlane, answer: httpx.Response) -> str:
    """Why the access was refused, after there was one pair of records of it."""
    asked, done = pairs(plane, answer.headers["x-request-id"])
    assert [len(asked), len(done)] == [1, 1]
    assert done[0]["status"] == answer.status_code
    assert asked[0]["decision"] == "refuse"
    return asked[0]["reason"]


def outcome_of(plane: DataPlane, answer: httpx.Response) -> tuple[str, str]:
    asked, done = pairs(plane, answer.headers["x-request-id"])
    assert [len(asked), len(done)] == [1, 1]
    assert done[0]["status"] == answer.status_code
    return asked[0]["action"], done[0]["outcome"]


def test_the_commit_makes_the_version(plane: DataPlane, tus: Tus) -> None:
    url = tus.begin(
        "a/ü b.jpg", 6, pairs={"filetype": "image/jpeg", "name": "ü.jpg", "custom": '{"a":"b"}'}
    )
    assert tus.http.get("/v1/content/photos/a/ü b.jpg").status_code == 404
    tus.patch(url, 0, b"abc")
    tus.patch(url, 3, b"def")
    answer = tus.commit(url)
    sha256 = hashlib.sha256(b"abcdef")
    assert answer.status_code == 201
    assert answer.json() == {
        "collection": "photos", "key": "a/ü b.jpg", "version": answer.headers["x-version"],
        "etag": answer.headers["etag"], "size": 6, "sha256": sha256.hexdigest(),
    }  # fmt: skip
    assert answer.headers["repr-digest"] == format_sha256(sha256.digest())
    got = tus.http.get(answer.headers["location"])
    assert (got.content, got.headers["content-type"]) == (b"abcdef", "image/jpeg")
    assert got.headers["etag"] == answer.headers["etag"]
    assert outcome_of(plane, answer) == ("commit", "served")


def test_every_repetition_of_a_commit_gets_its_answer(tus: Tus) -> None:
    url = tus.begin("again", 3, body=b"abc")
    first = tus.commit(url)
    again = tus.commit(url, If_None_Match="*")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    tus.http.put("/v1/content/photos/again", content=b"later")
    assert tus.commit(url).json() == first.json()
    head = tus.head(url).headers
    assert (head["x-version"], head["etag"]) == (first.headers["x-version"], first.headers["etag"])
    versions = tus.http.get("/v1/versions/photos/again").json()["versions"]
    assert [each["size"] for each in versions] == [3, 5]


def test_bytes_that_stand_there_already_make_no_version(tus: Tus) -> None:
    tus.commit(tus.begin("same", 3, body=b"abc"))
    url = tus.begin("same", 3, body=b"abc")
    answers = [tus.commit(url), tus.commit(url)]
    assert [each.status_code for each in answers] == [200, 200]
    assert len(tus.http.get("/v1/versions/photos/same").json()["versions"]) == 1


@pytest.mark.parametrize("size", [0, 3])
def test_the_last_byte_commits_where_the_creation_said_so(
    plane: DataPlane, tus: Tus, size: int
) -> None:
    """In the request that brings it, whichever that is."""
    whole = tus.create(f"auto-{size}", size, body=b"abc"[:size], auto=True)
    assert (whole.status_code, whole.headers["upload-offset"]) == (201, str(size))
    assert tus.http.get(f"/v1/content/photos/auto-{size}").content == b"abc"[:size]
    url = tus.begin(f"auto-in-parts-{size}", size + 1, auto=True)
    last = tus.patch(url, 0, b"abcd"[: size + 1])
    head = tus.head(url)
    for answer in (whole, last):
        assert answer.headers["x-version"].endswith(".1")
        assert answer.headers["etag"]
        assert outcome_of(plane, answer) == ("commit", "served")
    assert head.headers["x-version"] == last.headers["x-version"]
    assert tus.commit(url).headers["etag"] == last.headers["etag"]


def test_a_length_told_late_commits_too(tus: Tus) -> None:
    url = tus.begin("auto-late", auto=True)
    first = tus.patch(url, 0, b"abc")
    assert "x-version" not in first.headers
    last = tus.patch(url, 3, b"d", Upload_Length=4)
    assert last.headers["x-version"]
    assert tus.http.get("/v1/content/photos/auto-late").content == b"abcd"


def test_a_chunked_body_is_taken(tus: Tus) -> None:
    url = tus.begin("chunked", 6)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": OFFSET_TYPE}
    sent = tus.http.patch(url, content=iter([b"abc", b"def"]), headers=headers)
    assert sent.headers["upload-offset"] == "6"


def test_a_refused_commit_fails_the_last_part_and_is_no_complete_upload(tus: Tus) -> None:
    url = tus.begin("auto-wrong", 3, auto=True, pairs={"sha256": hashlib.sha256(b"x").hexdigest()})
    assert problem(tus.patch(url, 0, b"abc")) == (422, "digest_mismatch")
    answer = tus.head(url)
    assert answer.status_code == 422
    assert "upload-offset" not in answer.headers
    assert tus.http.get("/v1/content/photos/auto-wrong").status_code == 404
    assert tus.delete(url).status_code == 204


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({"If_None_Match": "*"}, (412, "precondition_failed")),
        ({"If_Match": '"2020.1-0123456789abcdef"'}, (412, "precondition_failed")),
        ({"If_Match": "x"}, (400, "bad_request")),
        ({"If_Unmodified_Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, (412, "precondition_failed")),
        ({"Repr_Digest": format_sha256(hashlib.sha256(b"x").digest())}, (422, "digest_mismatch")),
        ({"Repr_Digest": "x"}, (400, "bad_digest")),
    ],
)
def test_a_commit_that_does_not_hold_leaves_the_upload(
    tus: Tus, headers: dict[str, str], answer: tuple[int, str]
) -> None:
    tus.http.put("/v1/content/photos/conditional", content=b"first")
    url = tus.begin("conditional", 3, body=b"abc")
    assert problem(tus.commit(url, **headers)) == answer
    assert tus.http.get("/v1/content/photos/conditional").content == b"first"
    assert tus.offset(url) == 3
    tus.delete(url)


def test_a_commit_on_conditions_that_hold_is_made(tus: Tus) -> None:
    etag = tus.http.put("/v1/content/photos/held", content=b"first").headers["etag"]
    url = tus.begin("held", 3, body=b"abc")
    digest = format_sha256(hashlib.sha256(b"abc").digest())
    assert tus.commit(url, If_Match=etag, Repr_Digest=digest).status_code == 201


def test_a_digest_declared_at_the_creation_is_held(tus: Tus) -> None:
    digest = format_sha256(hashlib.sha256(b"abc").digest())
    for said in ({"pairs": {"sha256": ABC.upper()}}, {"Repr_Digest": digest}):
        assert tus.commit(tus.begin("declared", 3, body=b"abc", **said)).status_code < 300
        wrong = tus.begin("declared", 3, body=b"abd", **said)
        assert problem(tus.commit(wrong)) == (422, "digest_mismatch")


BAD_CREATIONS = [
    ("a foreign version", {"Tus_Resumable": "0.2.2"}, 412, "tus_not_offered"),
    ("no version", {"Tus_Resumable": None}, 412, "tus_not_offered"),
    ("an unknown extension", {"Upload_Concat": "partial"}, 412, "tus_not_offered"),
    ("a checksum behind the body", {"Trailer": "Upload-Checksum"}, 412, "tus_not_offered"),
    ("bad Base64", {"Upload_Metadata": "collection !"}, 400, "bad_metadata"),
    ("10 KB of metadata", {"Upload_Metadata": "x" * 10_240}, 400, "bad_metadata"),
    ("a name twice", {"Upload_Metadata": "a YQ==,a YQ=="}, 400, "bad_metadata"),
    ("no metadata", {"Upload_Metadata": None}, 400, "bad_metadata"),
    ("empty metadata", {"Upload_Metadata": ""}, 400, "bad_metadata"),
    ("no key", {"Upload_Metadata": metadata(collection="photos")}, 400, "bad_metadata"),
    ("no collection", {"Upload_Metadata": metadata(key="x")}, 400, "bad_metadata"),
    ("a bad key", {"Upload_Metadata": metadata(collection="photos", key="a/../b")}, 400, "bad_key"),
    ("a bad collection", {"Upload_Metadata": metadata(collection="A b", key="x")}, 400, "bad_key"),
    ("a key that is no text", {"Upload_Metadata": metadata(collection="photos", key=b"\xff")},
     400, "bad_metadata"),
    ("no collection of ours", {"Upload_Metadata": metadata(collection="nowhere", key="x")},
     404, "not_found"),
    ("a condition", {"If_None_Match": "*"}, 400, "bad_request"),
    ("another commit", {"pairs": {"commit": "later"}}, 400, "bad_metadata"),
    ("a wrong digest", {"pairs": {"sha256": "abc"}}, 400, "bad_metadata"),
    ("two digests", {"pairs": {"sha256": "0" * 64},
                     "Repr_Digest": format_sha256(hashlib.sha256(b"abc").digest())},
     400, "bad_request"),
    ("bad custom facts", {"pairs": {"custom": "[1]"}}, 400, "bad_metadata"),
    ("custom facts that are no JSON", {"pairs": {"custom": "{"}}, 400, "bad_metadata"),
    ("a bad media type", {"pairs": {"filetype": "x"}}, 400, "bad_metadata"),
    ("a long file name", {"pairs": {"filename": "n" * 256}}, 400, "bad_metadata"),
    ("a media type not taken", {"pairs": {"collection": "small", "filetype": "text/plain"}},
     415, "media_type_refused"),
    ("too long for the collection", {"pairs": {"collection": "small", "filetype": "image/png"},
                                     "length": 6}, 413, "too_large"),
    ("nobody it is about", {"pairs": {"collection": "about"}}, 400, "bad_metadata"),
    ("no end user", {"pairs": {"collection": "asking"}}, 400, "bad_request"),
    ("more than announced", {"body": b"abcd"}, 413, "too_large"),
    ("a wrong checksum", {"body": b"abc", "Upload_Checksum": checksum("sha1", b"x")},
     460, "checksum_mismatch"),
    ("an unknown checksum", {"body": b"abc", "Upload_Checksum": "crc32 YQ=="}, 400, "bad_digest"),
    ("another type of body", {"body": b"abc", "Content_Type": "image/png"},
     415, "media_type_refused"),
    ("a digest that the last byte breaks", {"body": b"abc", "auto": True,
                                            "pairs": {"sha256": "0" * 64}},
     422, "digest_mismatch"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "status", "slug"),
    [row[1:] for row in BAD_CREATIONS],
    ids=[r[0] for r in BAD_CREATIONS],
)
def test_a_creation_that_is_refused_leaves_nothing(
    plane: DataPlane, tus: Tus, more: dict[str, object], status: int, slug: str
) -> None:
    before = staged(plane)
    answer = tus.create("refused", **{"length": 3, **more})  # type: ignore[arg-type]
    assert problem(answer) == (status, slug)
    assert answer.json().get("detail") or slug == "not_found"
    assert staged(plane) == before
    assert tus.http.get("/v1/content/photos/refused").status_code == 404
    asked, done = pairs(plane, answer.headers["x-request-id"])
    assert [len(asked), [each["outcome"] for each in done]] == [1, [slug]]


BAD_PARTS = [
    ("another offset", {"offset": 2}, 409, "wrong_offset"),
    ("no offset", {"offset": None}, 400, "bad_request"),
    ("another type", {"Content_Type": "text/plain"}, 415, "media_type_refused"),
    ("more than announced", {"data": b"abcdef"}, 413, "too_large"),
    ("another length", {"Upload_Length": 7}, 400, "bad_request"),
    ("a wrong checksum", {"Upload_Checksum": checksum("sha256", b"x")}, 460, "checksum_mismatch"),
    ("a wrong digest", {"Content_Digest": format_sha256(hashlib.sha256(b"x").digest())},
     460, "checksum_mismatch"),
    ("an unknown extension", {"Upload_Concat": "final"}, 412, "tus_not_offered"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "status", "slug"), [row[1:] for row in BAD_PARTS], ids=[row[0] for row in BAD_PARTS]
)
def test_a_part_that_is_refused_moves_nothing(
    plane: DataPlane, tus: Tus, more: dict[str, object], status: int, slug: str
) -> None:
    url = tus.begin("parts", 5, body=b"x")
    folder = plane.config.roots[0] / "staging" / url.rpartition("/")[2]
    before = sorted(path.name for path in folder.iterdir())
    answer = tus.patch(url, **{"offset": 1, "data": b"abc", **more})  # type: ignore[arg-type]
    assert problem(answer) == (status, slug)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert tus.offset(url) == 1
    assert outcome_of(plane, answer)[1] == slug
    tus.delete(url)


def test_more_than_announced_is_found_in_a_chunked_body_too(plane: DataPlane, tus: Tus) -> None:
    url = tus.begin("too-long", 5)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": OFFSET_TYPE}
    answer = tus.http.patch(url, content=iter([b"abc", b"def"]), headers=headers)
    assert problem(answer) == (413, "too_large")
    assert tus.offset(url) == 0
    deferred = tus.begin("too-long", pairs={"collection": "small", "type": "image/png"})
    answer = tus.http.patch(deferred, content=iter([b"abc", b"def"]), headers=headers)
    assert problem(answer) == (413, "too_large")
    assert tus.offset(deferred) == 0


def test_a_commit_before_the_last_byte_is_refused(tus: Tus) -> None:
    url = tus.begin("short", 5, body=b"abc")
    assert problem(tus.commit(url)) == (409, "upload_incomplete")
    assert tus.offset(url) == 3
    endless = tus.begin("short", body=b"abc")
    assert problem(tus.commit(endless)) == (409, "upload_incomplete")
    assert tus.http.get("/v1/content/photos/short").status_code == 404


FOREIGN = ["HEAD", "PATCH", "DELETE", "COMMIT"]


def ask(tus: Tus, method: str, url: str) -> httpx.Response:
    if method == "COMMIT":
        return tus.commit(url)
    return tus.patch(url, 3, b"def") if method == "PATCH" else tus.ask(method, url)


@pytest.mark.parametrize("method", FOREIGN)
def test_an_upload_of_another_client_looks_like_none(
    plane: DataPlane, tus: Tus, method: str
) -> None:
    """Though this other may do everything with the file itself."""
    url = tus.begin("mine", 6, body=b"abc")
    other = Tus(plane.others)  # type: ignore[attr-defined]
    foreign, unknown = ask(other, method, url), ask(other, method, UNKNOWN)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content
    own = ("date", "x-request-id")
    assert [each for each in foreign.headers.items() if each[0] not in own] == [
        each for each in unknown.headers.items() if each[0] not in own
    ]
    assert reason_of(plane, foreign) == "foreign_upload"
    assert reason_of(plane, unknown) == "unknown_upload"
    assert tus.offset(url) == 3


def test_staging_is_no_committing(plane: DataPlane) -> None:
    stager = Tus(plane.stager)  # type: ignore[attr-defined]
    url = stager.begin("staged", 3, body=b"abc")
    answer = stager.commit(url)
    assert answer.status_code == 404
    assert reason_of(plane, answer) == "no_grant"
    refused = stager.create("staged", 3, auto=True)
    assert (refused.status_code, reason_of(plane, refused)) == (404, "no_grant")


def test_an_end_user_is_named_where_the_collection_asks_for_one(plane: DataPlane, tus: Tus) -> None:
    url = tus.begin("asked", 3, pairs={"collection": "asking"}, On_Behalf_Of="kim")
    assert problem(tus.patch(url, 0, b"abc")) == (400, "bad_request")
    assert tus.patch(url, 0, b"abc", On_Behalf_Of="kim").status_code == 204
    assert problem(tus.commit(url)) == (400, "bad_request")
    answer = tus.commit(url, On_Behalf_Of="lee")
    asked, _ = pairs(plane, answer.headers["x-request-id"])
    assert asked[0]["private"]["end_user"] == "lee"


def test_the_records_name_upload_and_file(plane: DataPlane, tus: Tus) -> None:
    made = tus.create("recorded", 3, pairs={"filename": "r.jpg"})
    url = made.headers["location"]
    answers = [made, tus.head(url), tus.patch(url, 0, b"abc"), tus.commit(url), tus.commit(url)]
    answers.append(tus.delete(url))
    for answer in answers:
        asked, done = pairs(plane, answer.headers["x-request-id"])
        assert [len(asked), len(done)] == [1, 1]
        assert asked[0]["upload"] == url.rpartition("/")[2]
        assert asked[0]["decision"] == "allow"
        assert asked[0]["private"]["key"] == "recorded"
        assert asked[0]["address"]
        assert done[0]["outcome"] == "served"
    actions = ["stage", "stage", "stage", "commit", "commit", "stage"]
    said = [pairs(plane, answer.headers["x-request-id"]) for answer in answers]
    assert [asked[0]["action"] for asked, _ in said] == actions
    assert [done[0].get("version") for _, done in said][3:5] == [
        answers[3].headers["x-version"]
    ] * 2


def test_an_expired_upload_is_gone_for_its_client_and_unknown_to_others(start_data_plane) -> None:
    plane = start_data_plane(CONTENTSERVER_UPLOAD_EXPIRY="1")
    other = Tus(plane.client(plane.add_client("other")))
    plane.obey()
    tus = Tus(plane.http)
    late, committed = tus.begin("late", 6, body=b"abc"), tus.begin("committed", 3, body=b"abc")
    assert tus.commit(committed).status_code == 201
    time.sleep(1.1)
    for method in FOREIGN:
        for url in (late, committed):
            answer = ask(tus, method, url)
            assert answer.status_code == 410
            assert "upload-offset" not in answer.headers
            assert ask(other, method, url).status_code == 404
    assert plane.http.get("/v1/content/photos/committed").content == b"abc"
    assert plane.http.get("/v1/content/photos/late").status_code == 404
