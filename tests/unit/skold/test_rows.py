"""No record may stop the copy: whatever a client could make it say fits PostgreSQL."""

import datetime as dt

import orjson
import pytest

from skold.ledger.bundles import Leaf
from skold.ledger.rows import COLUMNS, LONGEST, UNREADABLE_TIME, Record, months

AT = "2026-11-30T23:59:59.999999Z"


def record(private: bytes = b"{}", **fields: object) -> Record:
    given = {"at": AT, "kind": "req", "n": 4, "writer": "w", **fields}
    return Record(Leaf(9, orjson.dumps(given), private))


def row(of: Record, request: tuple[str | None, ...] | None = None) -> dict[str, object]:
    return dict(zip(COLUMNS, of.row("node-1", request), strict=True))


def test_it_puts_each_field_into_its_column() -> None:
    found = row(record(id="r-1", action="read", status=200, microseconds=7, client="portal"))
    assert found["request_id"] == "r-1"
    assert (found["node"], found["leaf_index"], found["writer"], found["n"]) == (
        "node-1",
        9,
        "w",
        4,
    )
    assert (found["action"], found["status"], found["microseconds"]) == ("read", 200, 7)
    assert found["at"] == dt.datetime(2026, 11, 30, 23, 59, 59, 999999, dt.UTC)


def test_it_keeps_the_body_as_it_was_hashed() -> None:
    assert row(record(client="\0"))["body"] == record(client="\0").leaf.body


@pytest.mark.parametrize("text", ["a\0b", "x" * 5000, "\U0001f600" * 5000])
def test_it_makes_texts_fit_a_column_and_its_index(text: str) -> None:
    kept = str(row(record(client=text))["client"])
    assert "\0" not in kept
    assert len(kept) <= LONGEST


def test_it_makes_a_private_part_with_nul_fit_jsonb() -> None:
    kept = row(record(orjson.dumps({"key": "a\0b", "literal": "\\u0000"})))["private"]
    assert orjson.loads(str(kept)) == {"key": "a\ufffdb", "literal": "\\u0000"}


def test_it_shows_a_redacted_private_part_as_empty() -> None:
    assert row(record(b""))["private"] == "{}"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff"])
def test_it_takes_a_body_that_is_no_object_as_unreadable(body: bytes) -> None:
    found = row(Record(Leaf(1, body, b"")))
    assert (found["kind"], found["at"]) == ("unreadable", UNREADABLE_TIME)


@pytest.mark.parametrize("status", ["200", 99, 1000, True, -1, 2**63])
def test_it_takes_no_status_that_is_none(status: object) -> None:
    assert row(record(status=status))["status"] is None


def test_a_done_repeats_what_its_request_asked_for() -> None:
    request = record(id="r-1", client="portal", collection="photos", version="2026.1")
    done = record(kind="done", ref=4, n=5, status=200, version="2026.2")
    found = row(done, request.asked)
    assert (found["request_id"], found["client"], found["collection"]) == (
        "r-1",
        "portal",
        "photos",
    )
    assert found["version"] == "2026.2"
    assert done.request_place == request.place


def test_a_done_of_an_earlier_life_names_the_writer_of_its_request() -> None:
    done = record(kind="done", ref=4, ref_writer="earlier")
    assert done.request_place == ("earlier", 4)


def test_months_are_those_of_utc() -> None:
    tokyo = record(at="2026-12-01T08:59:59.000000+09:00")
    assert list(months([record(), tokyo])) == ["2026-11"]
