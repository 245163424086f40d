"""A node verifies itself: what is new, all of it, in slices; and keeps what it found."""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from skold.ledger.bundles import bundle_path
from skold.segments import segment_name
from skold.verifying import LiveVerification, Mode, VerificationRunsError, find_result, is_due
from skold.verifying.results import EVERY, FULL_EVERY, alone, find_state
from tests.support.audit_ledgers import KEY, AuditLedger, read_leaves, rewrite, write_bundles

NOW = dt.datetime.now(dt.UTC)


class Node(AuditLedger):
    """A node that keeps the results of its verifications."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.folder = home / "verification"
        self.ticks: Iterator[float] = iter(())

    def verification(self) -> LiveVerification:
        tick = (lambda: next(self.ticks, 1e9)) if self.ticks else (lambda: 0.0)
        return LiveVerification(self.ledger, [self.journal], [KEY], self.folder, monotonic=tick)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = Node(tmp_path)
    made.live(150)
    made.live(80)
    made.sequence()
    return made


def change_a_record(node: Node, leaf: int) -> None:
    leaves = read_leaves(node.ledger)
    leaves[leaf] = leaves[leaf][0].replace(b"2025", b"2024"), leaves[leaf][1]
    write_bundles(node.ledger, leaves)


def test_it_goes_on_where_the_last_one_ended(node: Node) -> None:
    first = node.verification().run().result
    assert first is not None
    assert (first.exit_code, first.full, first.records) == (0, True, 464)
    node.live(30)
    node.sequence()
    second = node.verification().run().result
    assert second is not None
    assert (second.exit_code, second.full, second.started_at_leaf) == (0, False, 464)
    assert second.records == 62
    assert second.full_at == first.full_at


def test_a_failure_is_kept_and_found_again_until_it_is_mended(node: Node) -> None:
    assert node.verification().run().result is not None
    node.live(30)
    node.sequence()
    change_a_record(node, 500)
    for _night in range(2):
        result = node.verification().run().result
        assert result is not None
        assert result.failed
        assert result.findings[0]["code"] == "edited"
        assert find_result(node.folder) == result


def test_what_was_verified_before_is_looked_at_by_a_full_one(node: Node) -> None:
    assert node.verification().run().result is not None
    change_a_record(node, 20)
    going_on = node.verification().run().result
    full = node.verification().run(Mode.FULL).result
    assert going_on is not None
    assert full is not None
    assert (going_on.exit_code, full.exit_code) == (0, 1)


def test_a_ledger_that_became_shorter_is_found(node: Node) -> None:
    assert node.verification().run().result is not None
    rewrite(node.ledger, read_leaves(node.ledger)[:300])
    result = node.verification().run().result
    assert result is not None
    assert [found["code"] for found in result.findings] == ["cut_tail"]


def test_it_stops_when_its_time_is_over_and_goes_on_later(node: Node) -> None:
    node.ticks = iter([0.0, 9.0])  # began, then the first look at the time
    outcome = node.verification().run(Mode.FULL, seconds=5.0)
    assert outcome.result is None
    state = find_state(node.folder)
    assert state is not None
    assert (state["stopped"], state["state"]["size"]) == (True, 256)
    assert is_due(node.folder, NOW) == (True, False)
    node.ticks = iter(())
    result = node.verification().run().result
    assert result is not None
    assert (result.exit_code, result.full, result.started_at_leaf) == (0, True, 256)


def test_it_is_due_once_a_day_and_in_full_once_a_week(node: Node) -> None:
    assert is_due(node.folder, NOW) == (True, True)
    result = node.verification().run().result
    assert result is not None
    assert is_due(node.folder, result.time)[0] is False
    assert is_due(node.folder, result.time + EVERY) == (True, False)
    assert is_due(node.folder, result.time + FULL_EVERY) == (True, True)


def test_two_do_not_run_at_once(node: Node) -> None:
    with alone(node.folder), pytest.raises(VerificationRunsError):
        node.verification().run()


def test_from_a_leaf_on_it_keeps_nothing(node: Node) -> None:
    outcome = node.verification().run_since(300)
    assert outcome.result is not None
    assert (outcome.result.exit_code, outcome.result.records) == (0, 164)
    assert find_result(node.folder) is None
    change_a_record(node, 400)
    again = node.verification().run_since(300).result
    assert again is not None
    assert again.exit_code == 1


def test_records_that_are_not_in_the_ledger_yet_are_no_error(node: Node) -> None:
    node.live(5)
    result = node.verification().run().result
    assert result is not None
    assert not result.failed


def test_a_journal_that_lost_what_the_ledger_has_is_named(node: Node) -> None:
    segment = min(node.journal.glob("node-1.*")) / segment_name(0)
    raw = bytearray(segment.read_bytes())
    place = raw.index(b'"status":200', 5000)
    raw[place : place + 12] = b'"status":404'
    segment.write_bytes(raw)
    result = node.verification().run(Mode.FULL).result
    assert result is not None
    assert result.failed
    assert "the ledger has" in result.journals[0]


def test_a_journal_that_is_gone_is_none_that_differs(node: Node) -> None:
    shutil.rmtree(min(node.journal.glob("node-1.*")))
    result = node.verification().run(Mode.FULL).result
    assert result is not None
    assert not result.failed


def test_a_ledger_that_cannot_be_read_is_a_failure(node: Node) -> None:
    assert node.verification().run().result is not None
    (node.ledger / "checkpoint").write_text("nothing")
    result = node.verification().run().result
    assert result is not None
    assert (result.exit_code, result.failed) == (2, True)


def test_a_bundle_that_is_gone_is_named(node: Node) -> None:
    (node.ledger / "tile/entries" / bundle_path(0)).unlink()
    result = node.verification().run(Mode.FULL).result
    assert result is not None
    assert "deleted" in {found["code"] for found in result.findings}


def test_from_a_leaf_on_lives_that_ended_before_are_not_missed(node: Node) -> None:
    outcome = node.verification().run_since(350)
    assert outcome.report is not None
    assert outcome.report.findings.counts == {}
