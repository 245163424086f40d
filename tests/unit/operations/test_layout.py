"""Which years the bridge opens, and which it refuses."""

import datetime as dt
from typing import Any

import pytest

from contentserver.operations.layout import LayoutRefused, with_year

TODAY = dt.date(2026, 11, 23)
PAYLOAD: dict[str, Any] = {"years": {"2026": [{"root": "root-1", "state": "open"}]}}


def opened(year: int, root: str = "root-1", payload: dict[str, Any] = PAYLOAD) -> dict[str, Any]:
    return with_year(payload, year, root, roots=["root-1"], today=TODAY)


@pytest.mark.parametrize("year", [1970, 2020, 2025, 2028])
def test_it_opens_no_year_but_this_one_and_the_next(year: int) -> None:
    with pytest.raises(LayoutRefused, match="only 2026 and 2027 can"):
        opened(year)


@pytest.mark.parametrize("year", [2026, 2027])
def test_this_year_and_the_next_take_files(year: int) -> None:
    made = opened(year, payload={"years": {}})
    assert made["years"] == {str(year): [{"root": "root-1", "state": "open"}]}


def test_a_request_answered_twice_changes_nothing() -> None:
    assert opened(2026) == PAYLOAD


def test_an_unknown_root_is_refused_with_those_there_are() -> None:
    with pytest.raises(LayoutRefused, match="there are: root-1"):
        opened(2027, root="nowhere")
