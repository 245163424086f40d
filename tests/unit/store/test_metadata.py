"""What a file says about itself. Promise: what is declared is stored exactly, or refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.store.errors import BadMetadata
from contentserver.store.metadata import LIMITS, NAMES, Metadata, room_for

HERE = {"collection": "photos", "key": "a"}
TEXTS = [name for name in LIMITS if name not in {"custom", "original_time"}]
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)


@given(st.dictionaries(st.sampled_from(TEXTS), text), st.dictionaries(text, text, max_size=6))
def test_what_is_written_is_read(facts: dict[str, str], custom: dict[str, str]) -> None:
    metadata = Metadata(**HERE, **facts, custom=custom)
    raw = metadata.to_json()
    assert Metadata.from_json(raw) == metadata
    assert Metadata.from_json(raw).to_json() == raw
    assert json.loads(raw) == {**HERE, **facts, "custom": custom}


def test_the_spelling_is_that_of_the_format() -> None:
    metadata = Metadata(**HERE, filename='å"\\\n\x01/\u2028', custom={"b": "1", "a": "2"})
    assert metadata.to_json() == (
        b'{"collection":"photos","key":"a","filename":"\xc3\xa5\\"\\\\\\n\\u0001/\xe2\x80\xa8",'
        b'"custom":{"a":"2","b":"1"}}'
    )


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize(("letter", "size"), [("a", 1), ("å", 2), ('"', 2), ("\x01", 6)])
def test_limits_are_bytes_as_written(field: str, letter: str, size: int) -> None:
    most = LIMITS[field] // size
    Metadata(**HERE, **{field: letter * most})
    with pytest.raises(BadMetadata, match=f"{LIMITS[field]} are the limit") as caught:
        Metadata(**HERE, **{field: letter * (most + 1)})
    assert caught.value.field == field


def test_the_limit_of_custom_counts_all_of_its_object() -> None:
    Metadata(**HERE, custom={"k": "v" * (1024 - 8)})
    with pytest.raises(BadMetadata, match="1024"):
        Metadata(**HERE, custom={"k": "v" * (1024 - 7)})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("collection", "No"),
        ("key", "../a"),
        ("sha256", "A" * 64),
        ("sha256", "0" * 63),
        ("original_time", "2025-01-31"),
        ("original_time", "2025-01-31T12:00:00+01:00"),
        ("original_time", "2025-13-31T12:00:00Z"),
        ("original_time", "2025-01-31T24:00:00Z"),
        ("original_time", "2025-02-30T12:00:00Z"),
        ("filename", ""),
        ("filename", "\ud800"),
        ("custom", {"\udfff": "a"}),
    ],
)
def test_it_refuses_what_cannot_be_stored_and_names_it(field: str, value: Any) -> None:
    with pytest.raises(BadMetadata) as caught:
        Metadata(**HERE | {field: value})
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


@pytest.mark.parametrize("time", ["2025-01-31T12:00:00Z", "1969-07-20T20:17:40.123456789Z"])
def test_times_are_taken_to_the_nanosecond(time: str) -> None:
    assert Metadata(**HERE, original_time=time).original_time == time


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b"{}", b'{"key":"a"}', b'{"collection":"photos"}', b"\xff",
        b'{"collection":"photos","key":"a","filename":null}',
        b'{"collection":"photos","key":"a","filename":["a"]}',
        b'{"collection":"photos","key":"a","custom":{"a":1}}',
        b'{"collection":"photos","key":"a","custom":"a"}1',
        b'{"collection":"photos","key":"a","other":"a"}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_it_reads_nothing_but_metadata(raw: bytes) -> None:
    with pytest.raises(BadMetadata):
        Metadata.from_json(raw)


def test_the_room_is_that_of_the_longest_the_commit_can_make() -> None:
    staged = Metadata(**HERE, filename="a.jpg")
    full = Metadata(
        **HERE,
        filename="a.jpg",
        sha256="0" * 64,
        on_behalf_of="n" * LIMITS["on_behalf_of"],
        original_time="2025-01-31T12:00:00.000000001Z",
    )
    assert room_for(staged) == room_for(full) == len(full.to_json())


def test_the_names_stand_in_the_order_of_the_format() -> None:
    assert " ".join(NAMES) == (
        "collection key media_type filename sha256 created_by on_behalf_of data_subject "
        "original_time source custom"
    )
