"""RFC 9110, 14: each row of a table names the sentence that it holds us to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.protocol.ranges import Range, Unsatisfiable, parse_range, select_range

SIZE = 10_000
WHOLE = None
NONE_OF_IT = Unsatisfiable(SIZE)


def part(first: int, last: int) -> Range:
    return Range(first, last - first + 1, SIZE)


TABLE = [
    ("bytes=0-0", part(0, 0), '14.1.2 "The first and last bytes only": a range may be one byte'),
    ("bytes=0-499", part(0, 499), '14.1.2 "The first 500 bytes (byte offsets 0-499, inclusive)"'),
    ("bytes=500-999", part(500, 999), '14.1.2 "The second 500 bytes"'),
    ("bytes=9500-", part(9500, 9999), '14.1.2 "or: bytes=9500-"'),
    ("bytes=-500", part(9500, 9999), '14.1.2 "The final 500 bytes"'),
    ("bytes=-1", part(9999, 9999), '14.1.2 "The first, middle, and last": a suffix of one byte'),
    (
        "bytes=0-99999",
        part(0, 9999),
        '14.1.2 "the byte range is interpreted as the remainder of the representation"',
    ),
    (
        "bytes=-10001",
        part(0, 9999),
        '14.1.2 shorter than the suffix-length: "the entire representation is used"',
    ),
    ("bytes=9999-", part(9999, 9999), "14.1.2 the last byte by its position"),
    (
        "bytes=10000-",
        NONE_OF_IT,
        '14.1.2 satisfiable "if … first-pos is less than the current length"',
    ),
    ("bytes=10000-10001", NONE_OF_IT, "14.1.2 first-pos beyond the end"),
    ("bytes=-0", NONE_OF_IT, '14.1.2 "at least one suffix-range with a non-zero suffix-length"'),
    (
        "bytes=5-3",
        WHOLE,
        '14.1.1 "An int-range is invalid if the last-pos value is present and less than first-pos"',
    ),
    (
        "bytes=0-1,3-4",
        WHOLE,
        '14.2 "A server … MAY ignore the Range header field": several ranges are the whole',
    ),
    ("bytes=0-,0-,0-", WHOLE, '14.2 "many small or overlapping ranges": the whole'),
    (
        "bytes=" + ",".join(f"{n}-{n + 1}" for n in range(200)),
        WHOLE,
        "14.2 two hundred ranges: the whole",
    ),
    ("BYTES=0-0", part(0, 0), '14.1 "range-unit names are case-insensitive"'),
    (
        "bytes=,0-0 ,",
        part(0, 0),
        '5.6.1.2 "MUST parse and ignore a reasonable number of empty list elements"',
    ),
    ("bytes=", WHOLE, "14.1.1 range-set = 1#range-spec: none is invalid"),
    ("bytes=-", WHOLE, "14.1.1 neither first-pos nor suffix-length"),
    ("bytes=a-b", WHOLE, "14.1.1 first-pos = 1*DIGIT"),
    ("bytes=+1-2", WHOLE, "14.1.1 first-pos = 1*DIGIT, no sign"),
    ("bytes=1_0-20", WHOLE, "14.1.1 first-pos = 1*DIGIT, no underscore as int() would take"),
    ("bytes=\xb2-3", WHOLE, "14.1.1 DIGIT is ASCII: a superscript two is none"),
    ("bytes 0-0", WHOLE, '14.1.1 ranges-specifier = range-unit "=" range-set'),
    ("bytes=0-0/5", WHOLE, "14.1.1 that is the form of Content-Range"),
    (
        "lines=0-0",
        WHOLE,
        '14.2 "MUST ignore a Range … that contains a range unit it does not understand"',
    ),
    (
        "bytes=00000000000000000000000-5",
        part(0, 5),
        "14.1.1 1*DIGIT sets no limit to leading zeros",
    ),
    (
        "bytes=0-" + "9" * 5000,
        part(0, 9999),
        '14.1.2 "anticipate potentially large decimal numerals"',
    ),
    (
        "bytes=" + "9" * 5000 + "-",
        NONE_OF_IT,
        '14.1.2 "prevent parsing errors due to integer conversion overflows"',
    ),
    (
        "bytes=-" + "9" * 5000,
        part(0, 9999),
        '14.1.2 "prevent parsing errors due to integer conversion overflows"',
    ),
    ("bytes=" + "9" * 30 + "-" + "8" * 30, WHOLE, "14.1.1 reversed, though both exceed any file"),
    (None, WHOLE, '14.2 "A client … MAY generate": no Range, no part'),
]


@pytest.mark.parametrize(("value", "expected", "sentence"), TABLE)
def test_it_reads_a_range_as_the_rfc_says(value, expected, sentence):
    assert parse_range(value, SIZE) == expected, sentence


@pytest.mark.parametrize(
    ("value", "expected"),
    [("bytes=0-", Unsatisfiable(0)), ("bytes=0-0", Unsatisfiable(0)), ("bytes=-5", None)],
)
def test_it_has_no_part_of_an_empty_file_to_give(value, expected):
    assert parse_range(value, 0) == expected


@given(size=st.integers(1, 2**50), first=st.integers(0, 2**51), length=st.integers(1, 2**51))
def test_it_gives_exactly_the_bytes_asked_for_that_exist(size, first, length):
    asked = range(first, first + length)
    got = parse_range(f"bytes={first}-{first + length - 1}", size)
    if first >= size:
        assert got == Unsatisfiable(size)
    else:
        assert isinstance(got, Range)
        assert range(got.start, got.start + got.length) == asked[: size - first]


@given(size=st.integers(1, 2**50), suffix=st.integers(1, 2**51))
def test_a_suffix_always_ends_with_the_last_byte(size, suffix):
    got = parse_range(f"bytes=-{suffix}", size)
    assert got == Range(max(0, size - suffix), min(size, suffix), size)


@given(value=st.text(st.characters(max_codepoint=255), max_size=60), size=st.integers(0, 1000))
def test_whatever_is_sent_a_range_lies_within_the_file(value, size):
    for got in (parse_range(value, size), parse_range("bytes=" + value, size)):
        if isinstance(got, Range):
            assert got.length >= 1
            assert 0 <= got.start < got.start + got.length <= size


def test_it_writes_content_range():
    assert part(0, 499).content_range == "bytes 0-499/10000"
    assert NONE_OF_IT.content_range == "bytes */10000"


ETAG = '"2025.1-0123456789abcdef"'
MODIFIED = 784_111_777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"

IF_RANGE = [
    (
        ETAG,
        False,
        True,
        '13.1.5 "If the entity-tag validator provided exactly matches … strong comparison … true"',
    ),
    (
        "W/" + ETAG,
        False,
        False,
        '13.1.5 "A client MUST NOT generate an If-Range … weak": strong comparison fails',
    ),
    (
        '"2025.2-0123456789abcdef"',
        False,
        False,
        "13.1.5 another version: the whole, not a part of it",
    ),
    (
        DATE,
        False,
        False,
        '13.1.5 "If the HTTP-date validator provided is not a strong validator … false"',
    ),
    (
        DATE,
        True,
        True,
        '13.1.5 "If the HTTP-date validator provided exactly matches the Last-Modified … true"',
    ),
    ("Sun, 06 Nov 1994 08:49:38 GMT", True, False, "13.1.5 exactly: a later date is no match"),
    (f'{ETAG}, "x"', False, False, "13.1.5 If-Range = entity-tag / HTTP-date: no list"),
    ("*", False, False, "13.1.5 If-Range = entity-tag / HTTP-date: no *"),
    ("", True, False, "13.1.5 neither"),
]


@pytest.mark.parametrize(("value", "date_is_strong", "holds", "sentence"), IF_RANGE)
def test_it_gives_a_part_only_of_the_representation_the_client_has(
    value, date_is_strong, holds, sentence
):
    headers = {"range": "bytes=0-0", "if-range": value}
    got = select_range(
        "GET", headers, SIZE, etag=ETAG, last_modified=MODIFIED, date_is_strong=date_is_strong
    )
    assert got == (part(0, 0) if holds else None), sentence


def test_it_ignores_a_range_that_cannot_be_satisfied_when_if_range_fails():
    """13.1.5: a false If-Range means "ignore the Range header field", so no 416."""
    assert (
        select_range("GET", {"range": "bytes=99999-", "if-range": '"x"'}, SIZE, etag=ETAG) is None
    )


@pytest.mark.parametrize("method", ["HEAD", "PUT", "POST", "DELETE"])
def test_it_ignores_range_of_every_method_but_get(method):
    """14.2: "MUST ignore a Range … for which range handling is not defined": all but GET."""
    assert select_range(method, {"range": "bytes=0-0"}, SIZE, etag=ETAG) is None


def test_it_ignores_if_range_without_range():
    """13.1.5: "MUST ignore an If-Range … in a request that does not contain a Range"."""
    assert select_range("GET", {"if-range": '"x"'}, SIZE, etag=ETAG) is None
