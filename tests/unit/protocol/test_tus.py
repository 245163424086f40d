"""Header fields of tus 1.0.0. The promise: what the text allows is read as it is meant, everything
else is refused with the field's name, and nothing else is raised.
"""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.protocol import tus
from contentserver.protocol.tus_metadata import (
    LIMIT,
    BadUploadMetadata,
    parse_metadata,
    text_of,
)

names = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1
)
values = st.binary(max_size=40)


def field_of(pairs: dict[str, bytes]) -> str:
    return ",".join(f"{name} {base64.b64encode(v).decode()}".strip() for name, v in pairs.items())


@given(st.integers(0, 10**18 - 1))
def test_a_size_is_read_back(size):
    assert tus.parse_size("Upload-Offset", str(size)) == size


@given(st.text())
def test_a_size_is_a_number_or_refused_by_the_name_of_its_field(text):
    if text.isascii() and text.isdigit() and len(text) <= 18:
        assert tus.parse_size("Upload-Offset", text) == int(text)
    else:
        with pytest.raises(tus.BadTus, match=r"^Upload-Offset"):
            tus.parse_size("Upload-Offset", text)


@pytest.mark.parametrize(
    ("length", "deferred", "found"), [("0", None, 0), ("12", None, 12), (None, "1", None)]
)
def test_a_creation_announces_its_length_or_defers_it(length, deferred, found):
    assert tus.parse_length(length, deferred) == found


@pytest.mark.parametrize(
    ("length", "deferred"),
    [(None, None), ("1", "1"), (None, "0"), (None, ""), ("", None), ("-1", None)],
)
def test_a_length_that_is_neither_announced_nor_deferred_is_refused(length, deferred):
    with pytest.raises(tus.BadTus, match=r"Upload-(Defer-)?Length"):
        tus.parse_length(length, deferred)


@pytest.mark.parametrize("version", [None, "", "1", "1.0", "0.2.2", "1.0.0 ", "1.0.0, 1.0.0"])
def test_no_other_version_is_spoken(version):
    with pytest.raises(tus.NotOffered, match=r"1\.0\.0"):
        tus.check_version(version)


def test_the_version_is_spoken():
    tus.check_version("1.0.0")


@pytest.mark.parametrize(
    ("override", "method"),
    [(None, "POST"), ("PATCH", "PATCH"), ("DELETE", "DELETE"), ("HEAD", "HEAD"),
     ("patch", "UNKNOWN"), ("", "UNKNOWN"), ("PATCH\r\nX: y", "UNKNOWN"), ("TRACE", "UNKNOWN")],
)  # fmt: skip
def test_an_override_names_the_method_or_none_at_all(override, method):
    assert tus.method_of(override, "POST") == method


@given(st.dictionaries(names, values, max_size=5))
def test_pairs_are_read_back(pairs):
    field = field_of(pairs)
    if len(field) <= LIMIT:
        assert parse_metadata(field) == pairs


@given(st.text(st.characters(max_codepoint=255)))
def test_no_field_does_more_than_be_refused(field):
    try:
        pairs = parse_metadata(field)
    except BadUploadMetadata:
        return
    assert all(name and " " not in name and "," not in name for name in pairs)
    assert len(pairs) <= field.count(",") + 1


@pytest.mark.parametrize("field", [None, "", " "])
def test_an_empty_field_has_no_pairs(field):
    assert parse_metadata(field) == {}


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("a YQ==,a Yg==", "'a' twice"),
        ("a,a", "'a' twice"),
        ("a YQ==,", "without a name"),
        (",", "without a name"),
        ("a YQ", "'a' in Upload-Metadata is not Base64"),
        ("a Y Q=", "'a' in Upload-Metadata is not Base64"),
        ("a b-_=", "'a' in Upload-Metadata is not Base64"),
        ("a é", "'a' in Upload-Metadata is not Base64"),
        ("x" * (LIMIT + 1), "4096 are the limit"),
    ],
)
def test_what_breaks_a_rule_is_named(field, reason):
    with pytest.raises(BadUploadMetadata, match=reason):
        parse_metadata(field)


def test_a_field_at_the_limit_is_taken():
    field = "x" * LIMIT
    assert parse_metadata(field) == {field: b""}


def test_space_around_a_comma_is_none_of_the_name():
    """As two fields of one name are joined (RFC 9110, 5.3)."""
    assert parse_metadata("a YQ==, b Yg==") == {"a": b"a", "b": b"b"}


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ({"media_type": b"image/png", "filetype": b"x/y", "type": b"z/z"}, "image/png"),
        ({"filetype": b"image/png", "type": b"x/y"}, "image/png"),
        ({"type": b"image/png"}, "image/png"),
        ({"filetype": b"", "type": b"image/png"}, "image/png"),
        ({"media_type": b""}, None),
        ({}, None),
    ],
)
def test_the_names_that_plain_clients_use_are_understood(pairs, found):
    assert text_of(pairs, "media_type") == found


def test_a_name_of_ours_that_is_no_text_is_refused():
    with pytest.raises(BadUploadMetadata, match="filename in Upload-Metadata is not UTF-8"):
        text_of({"filename": b"\xff"}, "filename")
    with pytest.raises(BadUploadMetadata, match="name in Upload-Metadata is not UTF-8"):
        text_of({"name": b"\xff"}, "filename")
