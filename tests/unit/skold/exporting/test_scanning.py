"""Leaves found on disk: by time without gaps, by client and file each request with its end."""

import json
import shutil
from pathlib import Path

import pytest

from skold.exporting import Selection
from skold.exporting.scanning import Wanted, find_selection
from tests.support.audit_ledgers import AuditLedger, read_leaves, write_bundles


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = AuditLedger(tmp_path_factory.mktemp("scanned"))
    made.live(100, client="campus")
    made.live(60, client="portal", broken_off=1)
    made.live(40, client="campus")
    return made.sequence()


def fields(ledger: Path) -> list[dict[str, object]]:
    return [json.loads(body) for body, _ in read_leaves(ledger)]


def expected(ledger: Path, name: str, value: str) -> list[int]:
    """The slow way: requests that match, and the ends that name them."""
    records = fields(ledger)
    asked = {
        (record["writer"], record["n"])
        for record in records
        if record["kind"] == "req" and record[name] == value
    }
    return [
        leaf
        for leaf, record in enumerate(records)
        if (record["writer"], record["ref"] if record["kind"] == "done" else record["n"]) in asked
        and record["kind"] in {"req", "done"}
    ]


def test_nothing_asked_is_the_whole_log(ledger: Path) -> None:
    assert find_selection(ledger, Wanted()).kind == "all"


@pytest.mark.parametrize("client", ["campus", "portal", "nobody"])
def test_a_clients_requests_come_with_their_ends(ledger: Path, client: str) -> None:
    found = find_selection(ledger, Wanted(client=client))
    assert found.kind == "selection"
    assert list(found.leaves) == expected(ledger, "client", client)


def test_a_files_records_are_found_by_its_address_after_redaction_too(ledger: Path, tmp_path: Path):
    copy = shutil.copytree(ledger, tmp_path / "ledger")
    write_bundles(copy, [(body, b"") for body, _ in read_leaves(copy)])
    found = find_selection(copy, Wanted(address=f"{3:032x}"))
    assert list(found.leaves) == expected(ledger, "address", f"{3:032x}")
    assert found.leaves


def test_a_time_is_one_stretch_without_gaps(ledger: Path) -> None:
    times = [str(record["at"]) for record in fields(ledger)]
    found = find_selection(ledger, Wanted(since=times[50], until=times[300]))
    assert (found.kind, found.bounds) == ("period", (50, 300))
    assert find_selection(ledger, Wanted(since="2099")).bounds == (0, 0)


def test_time_and_client_hold_together(ledger: Path) -> None:
    second = str(fields(ledger)[250]["at"])
    found = find_selection(ledger, Wanted(since=second, client="campus"))
    early = find_selection(ledger, Wanted(client="campus"))
    assert 0 < len(found.leaves) < len(early.leaves)
    assert set(found.leaves) <= set(early.leaves)


def test_a_text_that_looks_like_a_member_is_none(tmp_path: Path) -> None:
    made = AuditLedger(tmp_path)
    made.live(3, client='x","client":"campus')
    assert not find_selection(made.sequence(), Wanted(client="campus")).leaves


def test_a_selection_knows_its_runs() -> None:
    selection = Selection.of([7, 3, 4, 3, 9, 8])
    assert list(selection.runs()) == [(3, 5), (7, 10)]
    assert list(selection.below(8).runs()) == [(3, 5), (7, 8)]
    assert list(Selection.of([]).runs()) == []
