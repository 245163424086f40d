"""Times as metadata write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.store.times import from_rfc3339, to_rfc3339

FIRST, LAST = -62_135_596_800 * 10**9, 253_402_300_800 * 10**9 - 1


@given(st.integers(FIRST, LAST))
def test_a_time_is_read_as_it_was_written(ns: int) -> None:
    assert from_rfc3339(to_rfc3339(ns)) == ns


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (FIRST, "0001-01-01T00:00:00.000000Z"),
        (1_738_324_800_000_001_000, "2025-01-31T12:00:00.000001Z"),
    ],
)
def test_it_writes_six_digits_where_they_are_enough(ns: int, text: str) -> None:
    assert to_rfc3339(ns) == text


@pytest.mark.parametrize(
    "text",
    ["2025-02-30T12:00:00Z", "2025-01-31", "2025-01-31T12:00:00+00:00", "2025-01-31T12:00:00.Z",
     "0000-01-01T00:00:00Z", "2025-01-31T24:00:00Z", "2025-01-31T12:00:00Z\n"],
)  # fmt: skip
def test_it_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any reason will do
        from_rfc3339(text)


@pytest.mark.parametrize("ns", [FIRST - 1, LAST + 1])
def test_it_refuses_years_that_cannot_be_written(ns: int) -> None:
    with pytest.raises(OverflowError):
        to_rfc3339(ns)
