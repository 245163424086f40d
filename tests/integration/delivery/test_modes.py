"""Who answers for a file that is being moved: by mode, and when legacy is away."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.records import pairs
from tests.support.sources import Moving

NUMBERS = count(1)
LEGACY, DISK = b"as legacy has it", b"as it lies on disk"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moving]:
    plane = Moving(tmp_path_factory.mktemp("modes") / "home")
    try:
        yield plane.start()
    finally:
        plane.close()


@pytest.fixture
def key(plane: Moving) -> Iterator[str]:
    yield f"{next(NUMBERS)}.jpg"
    plane.legacy.set_down(down=False)


def outcome(plane: Moving, request_id: str) -> tuple[str, str | None]:
    """What `done` says, and the resource of `req`."""
    asked, done = pairs(plane, request_id)
    return done[0]["outcome"], asked[0].get("resource")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("legacy", LEGACY),
        ("shadow", LEGACY),
        ("hybrid", DISK),
        ("writeback", DISK),
        ("disk", DISK),
    ],
)
def test_the_mode_says_who_answers(plane: Moving, key: str, mode: str, expected: bytes) -> None:
    plane.store(mode, key, DISK)
    plane.legacy.put(mode, key, LEGACY)
    answer = plane.http.get(f"/v1/content/{mode}/{key}")
    assert (answer.status_code, answer.content) == (200, expected)
    assert "x-unchecked" not in answer.headers
    told = outcome(plane, answer.headers["x-request-id"])
    assert told == ("from_legacy" if expected is LEGACY else "served", mode)


@pytest.mark.parametrize("mode", ["writeback", "disk"])
def test_without_legacy_a_miss_is_a_miss(plane: Moving, key: str, mode: str) -> None:
    plane.legacy.put(mode, key, LEGACY)
    assert plane.http.get(f"/v1/content/{mode}/{key}").status_code == 404
    assert not [line for line in plane.legacy.asked if line.endswith(f"{mode} {key}")]


@pytest.mark.parametrize("mode", ["legacy", "shadow", "hybrid"])
def test_while_legacy_takes_the_writes_ours_are_refused(plane: Moving, key: str, mode: str) -> None:
    put = plane.http.put(f"/v1/content/{mode}/{key}", content=b"x")
    assert put.status_code == 409
    assert put.json()["type"].endswith("/written_in_legacy")
    assert "legacy system" in put.json()["detail"]
    plane.store(mode, key, DISK)
    assert plane.http.delete(f"/v1/content/{mode}/{key}").status_code == 409
    asked, done = pairs(plane, put.headers["x-request-id"])
    assert (asked[0]["resource"], done[0]["outcome"]) == (mode, "written_in_legacy")


def test_other_keys_of_the_collection_are_ours(plane: Moving) -> None:
    assert plane.http.put("/v1/content/legacy/notes.txt", content=b"x").status_code == 201
    assert plane.http.get("/v1/content/legacy/notes.txt").content == b"x"


def test_hybrid_answers_a_pending_file_from_legacy_and_imports_nothing(
    plane: Moving, key: str
) -> None:
    plane.store("hybrid", key, DISK)
    plane.legacy.put("hybrid", key, LEGACY)
    plane.legacy.set_pending("hybrid", key)
    assert plane.http.get(f"/v1/content/hybrid/{key}").content == LEGACY
    assert f"bring hybrid {key}" not in plane.legacy.asked
    plane.legacy.remove("hybrid", key)
    assert plane.http.get(f"/v1/content/hybrid/{key}").status_code == 404


def test_hybrid_opens_the_disk_after_the_change_log_was_asked(plane: Moving, key: str) -> None:
    """Sync ends between the question and its answer: older bytes than that must not be served."""
    plane.store("hybrid", key, DISK)
    newer = base64.b64encode(b"newer").decode()
    plane.legacy.set_pending("hybrid", key, pending=False, then_store=newer)
    assert plane.http.get(f"/v1/content/hybrid/{key}").content == b"newer"


def test_hybrid_imports_a_miss_on_the_way(plane: Moving, key: str) -> None:
    plane.legacy.put("hybrid", key, LEGACY)
    answer = plane.http.get(f"/v1/content/hybrid/{key}")
    assert (answer.status_code, answer.content) == (200, LEGACY)
    assert "x-version" in answer.headers
    assert outcome(plane, answer.headers["x-request-id"]) == ("imported", "hybrid")
    again = plane.http.get(f"/v1/content/hybrid/{key}")
    assert outcome(plane, again.headers["x-request-id"]) == ("served", "hybrid")
    assert plane.legacy.asked.count(f"bring hybrid {key}") == 1


def test_hybrid_shows_what_cannot_be_imported(plane: Moving, key: str) -> None:
    plane.legacy.put("hybrid", key, LEGACY)
    plane.legacy.set_bring("hybrid", key, error="YearSealed", arguments=[2019])
    answer = plane.http.get(f"/v1/content/hybrid/{key}")
    assert (answer.status_code, answer.content) == (200, LEGACY)
    assert outcome(plane, answer.headers["x-request-id"]) == ("from_legacy", "hybrid")


def test_hybrid_takes_a_delete_marker_for_an_answer(plane: Moving, key: str) -> None:
    plane.store("hybrid", key, DISK)
    plane.mark_deleted("hybrid", key)
    plane.legacy.put("hybrid", key, LEGACY)
    assert plane.http.get(f"/v1/content/hybrid/{key}").status_code == 410
    assert f"bring hybrid {key}" not in plane.legacy.asked


@pytest.mark.parametrize("mode", ["legacy", "shadow", "hybrid"])
def test_what_nobody_has_is_absent(plane: Moving, key: str, mode: str) -> None:
    answer = plane.http.get(f"/v1/content/{mode}/{key}")
    assert answer.status_code == 404
    nowhere = plane.http.get("/v1/content/disk/nowhere")
    assert answer.content == nowhere.content
    assert outcome(plane, answer.headers["x-request-id"]) == ("not_found", mode)


@pytest.mark.parametrize("mode", ["legacy", "shadow", "hybrid"])
def test_legacy_away_the_disk_answers_and_says_so(plane: Moving, key: str, mode: str) -> None:
    version = plane.store(mode, key, DISK)
    plane.legacy.set_down()
    answer = plane.http.get(f"/v1/content/{mode}/{key}")
    assert (answer.status_code, answer.content) == (200, DISK)
    assert answer.headers["x-unchecked"] == "true"
    assert answer.headers["x-version"] == version
    assert outcome(plane, answer.headers["x-request-id"]) == ("unchecked", mode)
    exact = plane.http.get(f"/v1/content/{mode}/{key}", params={"version": version})
    assert (exact.status_code, exact.content) == (200, DISK)
    assert "x-unchecked" not in exact.headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("mode", ["legacy", "shadow", "hybrid"])
def test_legacy_away_and_nothing_on_disk_is_no_404(
    plane: Moving, key: str, mode: str, method: str
) -> None:
    plane.legacy.set_down()
    answer = plane.http.request(method, f"/v1/content/{mode}/{key}")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "x-unchecked" not in answer.headers


def test_legacy_away_a_delete_marker_says_it_is_unchecked(plane: Moving, key: str) -> None:
    plane.store("hybrid", key, DISK)
    plane.mark_deleted("hybrid", key)
    plane.legacy.set_down()
    answer = plane.http.get(f"/v1/content/hybrid/{key}")
    assert (answer.status_code, answer.headers.get("x-unchecked")) == (410, "true")


def test_a_damaged_record_is_503(plane: Moving, key: str) -> None:
    plane.legacy.put("legacy", key, LEGACY, damaged=True)
    answer = plane.http.get(f"/v1/content/legacy/{key}")
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("/legacy_damaged")
    assert "chunk" not in answer.text


@pytest.mark.parametrize("pending", [True, False])
def test_of_an_erased_subject_nothing_is_shown_from_anywhere(
    plane: Moving, key: str, pending: bool
) -> None:
    plane.legacy.put("hybrid", key, LEGACY)
    plane.legacy.set_pending("hybrid", key, pending=pending)
    plane.legacy.set_bring("hybrid", key, error="Erased")
    plane.erase("hybrid", key)
    assert plane.http.get(f"/v1/content/hybrid/{key}").status_code == 410
    assert f"open hybrid {key}" not in plane.legacy.asked


def test_the_subject_that_a_record_names_is_asked_for(plane: Moving, key: str) -> None:
    plane.legacy.put("people", key, LEGACY, data_subject=f"person {key}")
    assert plane.http.get(f"/v1/content/people/{key}").status_code == 200
    plane.erase("people", f"person {key}")
    refused = plane.http.get(f"/v1/content/people/{key}")
    assert refused.status_code == 410
    assert LEGACY not in refused.content


def test_as_of_is_answered_by_legacy_only_for_what_has_not_changed_since(
    plane: Moving, key: str
) -> None:
    changed_2020 = 1_590_000_000 * 10**9
    plane.legacy.put("legacy", key, LEGACY, modified_ns=changed_2020)
    get = lambda year: plane.http.get(f"/v1/content/legacy/{key}", params={"as_of": year})  # noqa: E731
    assert get(2019).status_code == 404
    assert get(2020).content == LEGACY
    assert get(2024).content == LEGACY


def test_readers_of_one_missing_file_are_all_served(plane: Moving, key: str) -> None:
    plane.legacy.put("hybrid", key, LEGACY)
    plane.legacy.set_bring("hybrid", key, wait=0.2)
    answers: list[bytes] = []

    def read() -> None:
        with plane.client(plane.api_key) as http:
            answers.append(http.get(f"/v1/content/hybrid/{key}").content)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [LEGACY] * 8


def test_a_forbidden_file_looks_like_an_absent_one(plane: Moving, key: str) -> None:
    foreign = plane.add_client("foreign-" + key, collection="disk")
    plane.obey()
    plane.legacy.put("hybrid", key, LEGACY)
    absent = plane.http.get("/v1/content/hybrid/0.jpg")
    with plane.client(foreign) as http:
        refused = http.get(f"/v1/content/hybrid/{key}")
    assert (refused.status_code, refused.content) == (404, absent.content)
    assert f"bring hybrid {key}" not in plane.legacy.asked
    assert not [line for line in plane.legacy.asked if line == f"open hybrid {key}"]


def test_versions_end_with_what_legacy_has_now(plane: Moving, key: str) -> None:
    url = f"/v1/versions/hybrid/{key}"
    plane.legacy.put("hybrid", key, LEGACY)
    listed = plane.http.get(url).json()["versions"]
    digest = hashlib.sha256(LEGACY).hexdigest()
    assert [(each["from"], each["sha256"], each["size"]) for each in listed] == [
        ("legacy", digest, len(LEGACY))
    ]
    version = plane.store("hybrid", key, DISK)
    assert [each["version"] for each in plane.http.get(url).json()["versions"]] == [version]
    plane.legacy.set_pending("hybrid", key)
    both = plane.http.get(url).json()["versions"]
    assert [each.get("from") for each in both] == [None, "legacy"]
    assert f"bring hybrid {key}" not in plane.legacy.asked
    plane.legacy.set_down()
    unchecked = plane.http.get(url)
    assert unchecked.headers["x-unchecked"] == "true"
    assert len(unchecked.json()["versions"]) == 1
    assert plane.http.get("/v1/versions/hybrid/0.jpg").status_code == 503


@pytest.mark.parametrize("mode", ["legacy", "shadow", "hybrid"])
def test_heads_ask_legacy_and_are_never_null_in_doubt(plane: Moving, key: str, mode: str) -> None:
    there, moved = "9" + key, "8" + key
    plane.legacy.put(mode, there, LEGACY)
    plane.legacy.put(mode, moved, DISK)
    plane.store(mode, moved, DISK)
    ask = lambda *keys: plane.http.post(  # noqa: E731
        "/v1/heads", json={"collection": mode, "keys": list(keys)}
    )
    heads = ask(there, moved, key).json()["heads"]
    assert heads[there]["from"] == "legacy"
    assert heads[there]["sha256"] == hashlib.sha256(LEGACY).hexdigest()
    assert ("version" in heads[moved]) is (mode == "hybrid")
    assert heads[key] is None
    plane.legacy.set_down()
    assert ask(moved, key).status_code == 503
    unchecked = ask(moved)
    assert unchecked.headers["x-unchecked"] == "true"
    assert "version" in unchecked.json()["heads"][moved]


def test_the_metrics_tell_who_answered(plane: Moving, key: str) -> None:
    plane.legacy.put("legacy", key, LEGACY)
    plane.http.get(f"/v1/content/legacy/{key}")
    plane.http.get("/v1/content/legacy/0.jpg")
    plane.legacy.put("legacy", "1" + key, LEGACY, damaged=True)
    plane.http.get(f"/v1/content/legacy/1{key}")
    plane.legacy.set_down()
    plane.http.get("/v1/content/legacy/0.jpg")
    text = plane.http.get("/metrics").text
    for told in ("from_legacy", "absent", "damaged", "unavailable"):
        line = f'source_answers_total{{mode="legacy",outcome="{told}",source="legacy"}}'
        assert f"contentserver_{line}" in text
    assert 'contentserver_legacy_breaker_open{source="hybrid"} 0.0' in text
