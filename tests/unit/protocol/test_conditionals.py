"""RFC 9110, 13: each row of a table names the sentence that it holds us to."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.protocol.conditionals import Outcome, evaluate

ETAG = '"2025.1-0123456789abcdef"'
OTHER = '"2025.2-0123456789abcdef"'
AT = 784_111_777
EARLIER, SAME, LATER = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in (36, 37, 38))
GO, UNCHANGED, FAILED, BAD = (
    Outcome.PROCEED,
    Outcome.NOT_MODIFIED,
    Outcome.PRECONDITION_FAILED,
    Outcome.MALFORMED,
)

READS = [
    ({}, GO, "13.2.2 no precondition"),
    (
        {"if-match": "*"},
        GO,
        '13.1.1 "If the field value is "*", the condition is true if the origin server has"',
    ),
    ({"if-match": ETAG}, GO, '13.1.1 "true if any of the listed tags match the entity tag"'),
    (
        {"if-match": f'"a", "b,c" ,, {ETAG}'},
        GO,
        "13.1.1 a list; a comma inside a tag; 5.6.1.2 empty elements",
    ),
    ({"if-match": OTHER}, FAILED, '13.1.1 "Otherwise, the condition is false"'),
    (
        {"if-match": "W/" + ETAG},
        FAILED,
        '13.1.1 "An origin server MUST use the strong comparison function"',
    ),
    (
        {"if-match": ETAG.strip('"')},
        FAILED,
        "8.8.3 a tag without quotes is none, and so matches nothing",
    ),
    (
        {"if-match": ETAG, "if-unmodified-since": EARLIER},
        GO,
        '13.1.4 "MUST ignore If-Unmodified-Since if the request contains an If-Match header field"',
    ),
    (
        {"if-unmodified-since": SAME},
        GO,
        '13.1.4 "earlier than or equal to the date … the condition is true"',
    ),
    (
        {"if-unmodified-since": LATER},
        GO,
        '13.1.4 "earlier than or equal to the date … the condition is true"',
    ),
    ({"if-unmodified-since": EARLIER}, FAILED, '13.1.4 "Otherwise, the condition is false"'),
    (
        {"if-unmodified-since": "yesterday"},
        GO,
        '13.1.4 "MUST ignore … if the received field value is not a valid HTTP-date"',
    ),
    (
        {"if-unmodified-since": f"{EARLIER}, {EARLIER}"},
        GO,
        '13.1.4 "appears to be a list of dates": ignored',
    ),
    (
        {"if-none-match": "*"},
        UNCHANGED,
        '13.1.2 "the condition is false if the origin server has a current"',
    ),
    (
        {"if-none-match": ETAG},
        UNCHANGED,
        '13.1.2 "304 (Not Modified) … if the request method is GET or HEAD"',
    ),
    (
        {"if-none-match": "W/" + ETAG},
        UNCHANGED,
        '13.1.2 "A recipient MUST use the weak comparison function"',
    ),
    (
        {"if-none-match": f"{OTHER},W/{ETAG}"},
        UNCHANGED,
        '13.1.2 "false if one of the listed tags matches"',
    ),
    ({"if-none-match": OTHER}, GO, '13.1.2 "Otherwise, the condition is true"'),
    (
        {"if-none-match": "garbled"},
        GO,
        "8.8.3 a list that cannot be read matches nothing: the whole is never wrong",
    ),
    ({"if-none-match": f"*, {ETAG}"}, GO, '13.1.2 If-None-Match = "*" / #entity-tag, not both'),
    (
        {"if-none-match": OTHER, "if-modified-since": LATER},
        GO,
        '13.1.3 "MUST ignore If-Modified-Since if the request contains an If-None-Match"',
    ),
    (
        {"if-modified-since": SAME},
        UNCHANGED,
        '13.1.3 "earlier or equal to the date provided … false"',
    ),
    (
        {"if-modified-since": LATER},
        UNCHANGED,
        '13.1.3 "earlier or equal to the date provided … false"',
    ),
    ({"if-modified-since": EARLIER}, GO, '13.1.3 "Otherwise, the condition is true"'),
    (
        {"if-modified-since": "Sun, 32 Nov 1994 08:49:37 GMT"},
        GO,
        '13.1.3 "MUST ignore … not a valid HTTP-date"',
    ),
    ({"if-match": OTHER, "if-none-match": ETAG}, FAILED, "13.2.2 step 1 comes before step 3"),
    (
        {"if-unmodified-since": EARLIER, "if-none-match": ETAG},
        FAILED,
        "13.2.2 step 2 comes before step 3",
    ),
    ({"if-match": ETAG, "if-none-match": ETAG}, UNCHANGED, '13.2.2 "if true, continue to step 3"'),
    (
        {"if-unmodified-since": LATER, "if-modified-since": SAME},
        UNCHANGED,
        '13.2.2 "if true, continue to step 3"',
    ),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("headers", "expected", "sentence"), READS)
def test_it_judges_a_read_as_the_rfc_says(method, headers, expected, sentence):
    assert evaluate(method, headers, ETAG, AT) is expected, sentence


WRITES = [
    ({"if-match": "*"}, True, GO, "13.1.1 the origin server has a current representation"),
    ({"if-match": "*"}, False, FAILED, "13.1.1 it has none"),
    (
        {"if-match": ETAG},
        True,
        GO,
        "13.1.1 prevents accidental overwrites: it is the version the client saw",
    ),
    ({"if-match": OTHER}, True, FAILED, "13.1.1 somebody else was quicker"),
    ({"if-match": ETAG}, False, FAILED, "13.1.1 no listed tag matches nothing"),
    (
        {"if-none-match": "*"},
        False,
        GO,
        '13.1.2 "prevent an unsafe request method … from inadvertently modifying"',
    ),
    (
        {"if-none-match": "*"},
        True,
        FAILED,
        '13.1.2 "412 (Precondition Failed) status code for all other methods"',
    ),
    ({"if-none-match": ETAG}, True, FAILED, "13.1.2 412 for all other request methods"),
    (
        {"if-none-match": "*"[:0] + "x"},
        True,
        BAD,
        "8.8.3 unreadable: to go on could overwrite what it protects",
    ),
    ({"if-unmodified-since": EARLIER}, True, FAILED, "13.1.4 changed since"),
    (
        {"if-unmodified-since": EARLIER},
        False,
        GO,
        '13.1.4 "MUST ignore … if the resource does not have a modification date available"',
    ),
    (
        {"if-modified-since": LATER},
        True,
        GO,
        '13.1.3 "MUST ignore … if the request method is neither GET nor HEAD"',
    ),
]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
@pytest.mark.parametrize(("headers", "exists", "expected", "sentence"), WRITES)
def test_it_judges_a_write_as_the_rfc_says(method, headers, exists, expected, sentence):
    etag, at = (ETAG, AT) if exists else (None, None)
    assert evaluate(method, headers, etag, at, exists=exists) is expected, sentence


def test_it_ignores_dates_when_there_is_no_modification_date():
    """13.1.3 and 13.1.4: "if the resource does not have a modification date available"."""
    headers = {"if-unmodified-since": EARLIER, "if-modified-since": LATER}
    assert evaluate("GET", headers, ETAG, None) is GO


TAGS = st.from_regex(r'\A(W/)?"[!#-~]{0,8}"\Z')


@given(tags=st.lists(TAGS, min_size=1, max_size=5), etag=TAGS.filter(lambda tag: tag[0] == '"'))
def test_if_match_and_if_none_match_agree_with_a_plain_reading(tags, etag):
    value = ", ".join(tags)
    strong = etag in tags
    weak = etag in {tag.removeprefix("W/") for tag in tags}
    assert evaluate("PUT", {"if-match": value}, etag, AT) is (GO if strong else FAILED)
    assert evaluate("GET", {"if-none-match": value}, etag, AT) is (UNCHANGED if weak else GO)
    assert evaluate("PUT", {"if-none-match": value}, etag, AT) is (FAILED if weak else GO)


FIELD_VALUES = {
    "if-match": [None, ETAG, OTHER],
    "if-unmodified-since": [None, EARLIER, LATER],
    "if-none-match": [None, ETAG, OTHER],
    "if-modified-since": [None, EARLIER, LATER],
}


@pytest.mark.parametrize("values", list(itertools.product(*FIELD_VALUES.values())))
def test_every_combination_follows_the_order_of_13_2_2(values):
    headers = {name: value for name, value in zip(FIELD_VALUES, values, strict=True) if value}
    match, unmodified, none_match, modified = values
    if match == OTHER or (match is None and unmodified == EARLIER):
        expected = FAILED
    elif none_match == ETAG or (none_match is None and modified == LATER):
        expected = UNCHANGED
    else:
        expected = GO
    assert evaluate("GET", headers, ETAG, AT) is expected


@given(
    value=st.text(st.characters(max_codepoint=255), max_size=80),
    name=st.sampled_from(sorted(FIELD_VALUES)),
)
def test_nothing_that_is_sent_raises(value, name):
    for method in ("GET", "PUT"):
        assert isinstance(evaluate(method, {name: value}, ETAG, AT), Outcome)
