"""RFC 9110, 5.6.7."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.protocol.dates import format_http_date, parse_http_date

AT = 784_111_777
IN_2026 = 1_795_000_000.0


# "Examples": IMF-fixdate, rfc850-date and asctime-date of the same moment.
@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_it_accepts_all_three_formats(text):
    assert parse_http_date(text, clock=lambda: IN_2026) == AT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
    ],
)
def test_it_refuses_what_is_no_http_date(text):
    assert parse_http_date(text) is None


@pytest.mark.parametrize(
    ("two_digits", "year"), [("94", 1994), ("26", 2026), ("76", 2076), ("77", 1977), ("00", 2000)]
)
def test_a_year_of_two_digits_is_at_most_fifty_years_ahead(two_digits, year):
    """ "more than 50 years in the future" is read as the past."""
    seconds = parse_http_date(f"Monday, 01-Jan-{two_digits} 00:00:00 GMT", clock=lambda: IN_2026)
    assert seconds is not None
    assert format_http_date(seconds)[12:16] == str(year)


def test_a_leap_second_is_the_next_second():
    """second = 2DIGIT; 5.6.7 refers to ISO 8601, in which 60 is a leap second."""
    assert parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT") == 1_483_228_800


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_what_it_writes_it_reads(seconds):
    text = format_http_date(seconds)
    assert len(text) == 29
    assert parse_http_date(text) == seconds


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_nothing_that_is_sent_raises(text):
    assert parse_http_date(text) is None or len(text) >= 24
