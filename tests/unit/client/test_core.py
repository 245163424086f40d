"""The rules of the Python client, on no socket: what is sent again, when, where, and what not."""

import base64
import hashlib
import io
import random
from typing import Any

import pytest

from contentserver.client import errors
from contentserver.client.addresses import Addresses
from contentserver.client.retry import CAP, RULES, Patience
from contentserver.client.sources import Tally
from contentserver.client.steps import Broken
from tests.unit.client.script import Script, answer, problem, streamed

STORED = {
    "collection": "c", "key": "k", "version": "2026.1", "etag": '"2026.1-00"', "size": 1,
    "sha256": hashlib.sha256(b"x").hexdigest(),
}  # fmt: skip
DIGEST = base64.b64encode(hashlib.sha256(b"0123456789").digest()).decode()
FILE = {
    "etag": '"2026.1-ab"', "x_version": "2026.1", "content_length": "10",
    "repr_digest": f"sha-256=:{DIGEST}:",
}  # fmt: skip
LOST, REFUSED = Broken("reset"), Broken("refused", sent=False)
CREATED = answer(201, location="http://inside:1/v1/uploads/u1", upload_offset="0")


def put(script: Script, data: Any = b"x", **options: Any) -> Any:
    return script.run(script.core.put("c", "k", data, **options))


def test_every_kind_of_request_has_its_row() -> None:
    unsafe = {row for row, rule in RULES.items() if not rule.repeat}
    writes = {("PUT", "content"), ("DELETE", "content")}
    assert unsafe == {("PATCH", "uploads")}
    assert not any(RULES[row].elsewhere for row in writes)
    assert not any(rule.elsewhere for (_, route), rule in RULES.items() if route == "uploads")
    assert not RULES["POST", "commit"].elsewhere


@pytest.mark.parametrize("status", [408, 423, 425, 429, 502, 503, 504])
def test_what_passes_is_asked_again(status: int) -> None:
    script = Script(answer(status), answer(status), answer(201, STORED))
    assert put(script).version == "2026.1"
    assert len(script.asked) == 3
    assert script.waited == [0.25, 0.5]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 411, 413, 415, 422, 500, 501, 507])
def test_what_stays_is_not_asked_again(status: int) -> None:
    script = Script(answer(status))
    with pytest.raises(errors.ClientError):
        put(script)
    assert (len(script.asked), script.waited) == (1, [])


def test_retry_after_is_waited_for_and_a_long_one_is_told() -> None:
    script = Script(problem(503, "overloaded", retry_after="7"), answer(201, STORED))
    put(script)
    assert script.waited == [7.25]
    script = Script(problem(503, "overloaded", retry_after="600"))
    with pytest.raises(errors.Unavailable) as raised:
        put(script)
    assert (raised.value.retry_after, raised.value.type) == (600.0, "overloaded")


def test_pauses_are_random_and_grow_to_a_limit() -> None:
    chance = random.Random(1).random
    patience = Patience(100, chance)
    pauses = [patience.pause(errors.Unreachable()) for _ in range(100)]
    assert max(pauses) <= CAP
    assert len(set(pauses)) == 100
    assert sum(pauses[50:]) / 50 == pytest.approx(CAP / 2, rel=0.3)


def test_the_last_failure_is_raised_when_no_attempt_is_left() -> None:
    script = Script(*[LOST] * 3, retries=2)
    with pytest.raises(errors.Unreachable) as raised:
        put(script)
    assert (raised.value.answer_lost, len(script.asked)) == (True, 3)


def test_the_credential_goes_with_each_attempt_to_our_address_alone() -> None:
    script = Script(LOST, answer(201, STORED))
    put(script)
    assert [request.headers["authorization"] for request in script.asked] == ["Bearer skd_key"] * 2
    script = Script(answer(200, upload_offset="0", upload_length="1"))
    script.run(script.core.upload("https://elsewhere/v1/uploads/u?kid=1&sig=ab"))
    assert "authorization" not in script.asked[0].headers
    script = Script(answer(200, upload_offset="0", upload_length="1"))
    script.run(script.core.upload("https://elsewhere/v1/uploads/u"))
    assert script.lines() == ["HEAD http://first/v1/uploads/u"]


def test_bytes_go_with_their_digest_and_the_answer_is_compared() -> None:
    script = Script(answer(201, {**STORED, "sha256": "00" * 32}))
    with pytest.raises(errors.DigestMismatch, match="has the SHA-256"):
        put(script)
    assert str(script.asked[0].headers["repr-digest"]).startswith("sha-256=:LXEWQrcmsE")


def test_an_open_file_is_read_anew_for_each_attempt() -> None:
    script = Script(LOST, answer(201, {**STORED, "sha256": hashlib.sha256(b"yy").hexdigest()}))
    file = io.BytesIO(b"?yy")
    file.seek(1)
    put(script, file)
    assert script.bodies == [b"yy", b"yy"]


def test_a_condition_is_not_taken_for_broken_by_others() -> None:
    script = Script(LOST, problem(412, "precondition_failed"))
    with pytest.raises(errors.PreconditionFailed, match="earlier attempt") as raised:
        put(script, if_none_match="*")
    assert raised.value.answer_lost
    script = Script(REFUSED, problem(412, "precondition_failed"))
    with pytest.raises(errors.PreconditionFailed) as raised:
        put(script, if_none_match="*")
    assert not raised.value.answer_lost


def test_a_delete_found_done_is_done_only_if_it_may_have_been_ours() -> None:
    script = Script(LOST, problem(410, "deleted"))
    assert script.run(script.core.delete("c", "k")) is None
    script = Script(REFUSED, problem(410, "deleted"))
    with pytest.raises(errors.Deleted):
        script.run(script.core.delete("c", "k"))


def test_a_patch_is_never_repeated_before_the_server_was_asked() -> None:
    head = answer(200, upload_offset="4", upload_length="10")
    script = Script(CREATED, LOST, head, answer(204, upload_offset="10"))
    upload = script.run(script.core.stage("c", "k", b"0123456789"))
    assert [line.partition(" ")[0] for line in script.lines()] == ["POST", "PATCH", "HEAD", "PATCH"]
    assert [request.headers.get("upload-offset") for request in script.asked[1:]] == [
        "0",
        None,
        "4",
    ]
    assert script.bodies[3] == b"456789"
    assert upload.sha256 == hashlib.sha256(b"0123456789").hexdigest()


@pytest.mark.parametrize(
    "refusal",
    [
        problem(409, "wrong_offset"),
        problem(423, "upload_locked"),
        problem(460, "checksum_mismatch"),
    ],
)
def test_a_patch_that_was_refused_for_its_place_goes_on_after_a_head(refusal: Any) -> None:
    head = answer(200, upload_offset="2", upload_length="10")
    script = Script(CREATED, refusal, head, answer(204, upload_offset="10"))
    script.run(script.core.stage("c", "k", b"0123456789"))
    assert script.bodies[3] == b"23456789"


def test_sending_goes_on_as_long_as_bytes_get_through() -> None:
    replies: list[Any] = [CREATED]
    for offset in range(1, 10):
        replies += [LOST, answer(200, upload_offset=str(offset), upload_length="10")]
    script = Script(*replies, answer(204, upload_offset="10"), retries=1)
    script.run(script.core.stage("c", "k", b"0123456789"))
    stuck = [LOST, answer(200, upload_offset="0", upload_length="10")] * 2
    script = Script(CREATED, *stuck, retries=1)
    with pytest.raises(errors.Unreachable):
        script.run(script.core.stage("c", "k", b"0123456789"))


def test_a_refused_check_ends_sending() -> None:
    script = Script(CREATED, problem(422, "check_refused"))
    with pytest.raises(errors.CheckRefused, match="why check_refused"):
        script.run(script.core.stage("c", "k", b"x", commit=True))


def test_metadata_says_what_the_upload_is_for() -> None:
    script = Script(CREATED, answer(204, upload_offset="1"))
    script.run(script.core.stage("c", "ä", b"x", filename="n", custom={"a": "b"}, commit=True))
    pairs = dict(p.split(" ") for p in str(script.asked[0].headers["upload-metadata"]).split(","))
    said = {name: base64.b64decode(text).decode() for name, text in pairs.items()}
    assert said == {
        "collection": "c", "key": "ä", "filename": "n", "custom": '{"a": "b"}', "commit": "auto",
        "sha256": hashlib.sha256(b"x").hexdigest(),
    }  # fmt: skip
    assert script.asked[0].headers["upload-length"] == "1"


def test_a_put_that_was_staged_and_refused_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("contentserver.client.writing.STAGED_FROM", 1)
    sent = answer(204, upload_offset="1")
    script = Script(CREATED, sent, problem(412, "precondition_failed"), answer(204))
    with pytest.raises(errors.PreconditionFailed):
        put(script, if_none_match="*")
    assert script.lines()[-1] == "DELETE http://first/v1/uploads/u1"
    assert script.asked[2].headers["if-none-match"] == "*"


def test_a_read_goes_on_at_the_same_version() -> None:
    script = Script(
        streamed(200, b"0123", LOST, **FILE),
        streamed(206, b"456789", content_range="bytes 4-9/10"),
    )
    reading = script.run(script.core.get("c", "k"))
    assert script.run(reading.read()) == b"0123456789"
    again = script.asked[1]
    assert again.url.endswith("?version=2026.1")
    assert (again.headers["range"], again.headers["if-match"]) == ("bytes=4-9", '"2026.1-ab"')


def test_an_answer_that_ends_early_is_no_whole_file() -> None:
    script = Script(streamed(200, b"0123", **FILE), *[LOST] * 2, retries=1)
    reading = script.run(script.core.get("c", "k"))
    with pytest.raises(errors.Unreachable):
        script.run(reading.read())


def test_damaged_bytes_are_found_out_at_the_end() -> None:
    script = Script(streamed(200, b"01234", b"5678X", **FILE))
    reading = script.run(script.core.get("c", "k"))
    with pytest.raises(errors.Damaged, match="fetch it again"):
        script.run(reading.read())


def test_who_sends_everything_for_a_range_is_understood() -> None:
    script = Script(streamed(200, b"01234", b"56789", **FILE))
    reading = script.run(script.core.get("c", "k", start=3, length=4))
    assert script.run(reading.read()) == b"3456"


def test_what_has_no_entity_tag_is_not_gone_on_with() -> None:
    script = Script(streamed(200, b"0123", LOST, content_length="10"))
    reading = script.run(script.core.get("c", "k"))
    with pytest.raises(errors.Unreachable, match="4 bytes had come"):
        script.run(reading.read())
    assert len(script.asked) == 1


def test_a_read_goes_elsewhere_at_once_and_a_write_nowhere() -> None:
    script = Script(LOST, answer(200, **FILE), answer(200, **FILE), second="http://second")
    script.run(script.core.head("c", "k"))
    script.run(script.core.head("c", "k"))
    assert [line.split("/v1")[0] for line in script.lines()] == [
        "HEAD http://first", "HEAD http://second", "HEAD http://second",
    ]  # fmt: skip
    assert script.waited == []
    script = Script(LOST, LOST, second="http://second", retries=1)
    with pytest.raises(errors.Unreachable):
        put(script)
    assert {line.split("/v1")[0] for line in script.lines()} == {"PUT http://first"}


def test_the_first_address_is_tried_again_by_one_request_after_a_while() -> None:
    script = Script(LOST, *[answer(200, **FILE)] * 4, second="http://second")
    for pause in (0, 0, 3, 0):
        script.now += pause
        script.run(script.core.head("c", "k"))
    hosts = [line.split("/")[2] for line in script.lines()]
    assert hosts == ["first", "second", "second", "first", "first"]


def test_while_one_request_tries_the_first_address_the_others_do_not_wait_for_it() -> None:
    now = 0.0
    addresses = Addresses("first", "second", lambda: now)
    addresses.failed("first")
    now = 10.0
    assert addresses.order(elsewhere=True) == ["first", "second"]
    assert addresses.order(elsewhere=True) == ["second", "first"]
    addresses.worked("first")
    assert addresses.order(elsewhere=True) == ["first", "second"]
    assert addresses.order(elsewhere=False) == ["first"]


def test_bytes_that_are_sent_again_are_counted_once() -> None:
    tally = Tally()
    for start, end in ((0, 4), (2, 6), (0, 3), (6, 10), (8, 10)):
        tally.take(start, b"0123456789"[start:end])
    assert tally.hexdigest() == hashlib.sha256(b"0123456789").hexdigest()
    tally.take(12, b"behind a gap")
    assert tally.position == 10


def test_an_error_of_the_first_that_the_second_may_not_have_goes_there() -> None:
    damaged = problem(503, "file_damaged")
    script = Script(damaged, streamed(200, **FILE), streamed(200, **FILE), second="http://second")
    script.run(script.core.get("c", "k"))
    script.run(script.core.get("c", "other"))
    assert [line.split("/")[2] for line in script.lines()] == ["first", "second", "first"]
    script = Script(problem(404, "not_found"), second="http://second")
    with pytest.raises(errors.NotFound):
        script.run(script.core.head("c", "k"))


def test_changes_say_where_to_go_on() -> None:
    row = {"node": "n", "number": 1, "kind": "stored", "committed_at": "2026-01-01T00:00:00Z"}
    page = {"after": "p1", "more": True, "results": [row, {**row, "number": 2}]}
    last = {"after": "p2", "more": False, "results": [{**row, "number": 3}]}
    script = Script(answer(200, page), answer(200, last))
    changes = script.run(script.core.changes("p0"))
    assert [(each.number, each.after) for each in changes] == [(1, "p0"), (2, "p1"), (3, "p2")]
    assert script.lines()[1].endswith("after=p1")


def test_keys_reach_the_server_as_they_are() -> None:
    script = Script(answer(200, **FILE))
    script.run(script.core.head("c", "../ä b%2F?#/."))
    assert script.lines() == ["HEAD http://first/v1/content/c/%2E%2E/%C3%A4%20b%252F%3F%23/%2E"]
