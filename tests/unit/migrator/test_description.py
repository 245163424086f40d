"""A description is read strictly and comes back from every form in which it is kept."""

import json
from typing import Any

import pytest

from migrator.legacy.description import Content, Description, Records
from migrator.legacy.mapping import DescriptionInvalid
from migrator.legacy.toml import from_toml, to_toml

TOML = """
name = "photos"
collection = "photos"
key = "{id}.jpg"
media_type = "image/jpeg"
max_size = 10_000_000

[records]
table = "hr.photo"
key_columns = ["id"]
changed_at = "changed"
time_zone = "Europe/Oslo"
digest = "md5"
digest_kind = "md5"

[content]
kind = "chunks"
table = "hr.photo_chunk"
record_columns = ["photo_id"]
order = "n"
first = 1
data = "data"
codec = "zlib"

[insert]
kind = "portrait"
"""
MINIMAL: dict[str, Any] = {
    "name": "scans",
    "collection": "scans",
    "key": "{year}/{number}",
    "records": {"table": "scan", "key_columns": ["year", "number"]},
    "content": {"kind": "bytea", "data": "body"},
}


def test_toml_is_read_and_written() -> None:
    description = from_toml(TOML)
    assert description.records.time_zone == "Europe/Oslo"
    assert description.content.first == 1
    assert description.insert == {"kind": "portrait"}
    assert from_toml(to_toml(description)) == description


def test_what_is_left_out_has_its_default() -> None:
    assert Description.from_mapping(MINIMAL) == Description(
        name="scans",
        collection="scans",
        key="{year}/{number}",
        records=Records(table="scan", key_columns=("year", "number")),
        content=Content(kind="bytea", data="body"),
    )


@pytest.mark.parametrize("description", [from_toml(TOML), Description.from_mapping(MINIMAL)])
def test_a_mapping_survives_json_and_holds_no_null(description: Description) -> None:
    text = json.dumps(description.to_mapping())
    assert "null" not in text
    assert Description.from_mapping(json.loads(text)) == description


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("name", "Photos", "name"),
        ("name", "x" * 33, "name"),
        ("name", None, "name"),
        ("collection", "a/b", "collection"),
        ("key", "{year}", "key"),
        ("key", "{year}{number}", "key"),
        ("key", "{year}/{other}", "key"),
        ("media_type", "jpeg", "media_type"),
        ("max_size", 0, "max_size"),
        ("max_size", True, "max_size"),
        ("max_size", 1.5, "max_size"),
        ("empty_allowed", "yes", "empty_allowed"),
        ("password", "x", "password"),
        ("insert", {"a": 1}, "insert.a"),
        ("records", [], "records"),
        ("records.table", "", "records.table"),
        ("records.table", "a.b.c", "records.table"),
        ("records.table", "x" * 64, "records.table"),
        ("records.table", "50%", "records.table"),
        ("records.key_columns", [], "key"),
        ("records.key_columns", ["year", "year"], "records.key_columns"),
        ("records.key_columns", "year", "records.key_columns"),
        ("records.time_zone", "Europe/Nowhere", "records.time_zone"),
        ("records.time_zone", "../etc/passwd", "records.time_zone"),
        ("records.digest", "md5", "records.digest_kind"),
        ("records.digest_kind", "md4", "records.digest_kind"),
        ("records.colour", "x", "records.colour"),
        ("content.kind", "file", "content.kind"),
        ("content.kind", "chunks", "content.table"),
        ("content.codec", "rar", "content.codec"),
        ("content.order", "n", "content.order"),
        ("content.first", 2, "content.first"),
        ("content.data", None, "content.data"),
    ],
)
def test_what_cannot_be_is_refused_with_the_name_of_its_field(
    path: str, value: Any, field: str
) -> None:
    given = json.loads(json.dumps(MINIMAL))
    *parents, name = path.split(".")
    inner = given
    for parent in parents:
        inner = inner[parent]
    if value is None:
        del inner[name]
    else:
        inner[name] = value
    with pytest.raises(DescriptionInvalid) as refused:
        Description.from_mapping(given)
    assert refused.value.field == field


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(DescriptionInvalid):
        from_toml("name = ")
