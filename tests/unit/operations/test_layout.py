"""Which years the bridge opens, and which it refuses."""

import datetime as dt
from typing import Any

import pytest

from contentserver.operations.layout import LayoutRefused, with_importing_year, with_year

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


IMPORTING: dict[str, Any] = {
    "years": {"2019": [{"root": "root-1", "state": "importing"}], **PAYLOAD["years"]}
}


def imported(year: int, root: str = "root-1", payload: dict[str, Any] = PAYLOAD) -> dict[str, Any]:
    return with_importing_year(payload, year, root, roots=["root-1", "root-2"], today=TODAY)


def test_an_earlier_year_takes_imports() -> None:
    assert imported(2019) == IMPORTING
    assert list(imported(2019)["years"]) == ["2019", "2026"]


@pytest.mark.parametrize("year", [19, 1969, 2026, 2027])
def test_only_an_earlier_year_is_opened_for_imports(year: int) -> None:
    with pytest.raises(LayoutRefused, match="only 1970 to 2025 can"):
        imported(year, payload={"years": {}})


def test_a_request_for_imports_answered_twice_changes_nothing() -> None:
    assert imported(2019, payload=IMPORTING) == IMPORTING


def test_a_year_that_is_open_is_not_opened_for_imports() -> None:
    payload = {"years": {"2025": [{"root": "root-1", "state": "open"}]}}
    with pytest.raises(LayoutRefused, match="it takes commits and imports"):
        imported(2025, payload=payload)


def test_a_year_takes_imports_on_one_root() -> None:
    with pytest.raises(LayoutRefused, match=r"lies on root-1 \(importing\) already"):
        imported(2019, root="root-2", payload=IMPORTING)


def test_a_year_that_takes_imports_is_never_opened_for_commits() -> None:
    with pytest.raises(LayoutRefused, match="it takes imports there, and nothing else"):
        opened(2019, payload=IMPORTING)


@pytest.mark.parametrize("change", [opened, imported])
def test_a_sealed_year_stays_sealed(change: Any) -> None:
    payload = {"years": {"2019": [{"root": "root-1", "state": "sealed"}]}}
    with pytest.raises(LayoutRefused, match="a sealed year takes nothing"):
        change(2019, payload=payload)


def test_the_way_out_for_an_earlier_year_is_named() -> None:
    with pytest.raises(LayoutRefused, match="open_year 2019 --importing"):
        opened(2019)
