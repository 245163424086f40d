"""PostgreSQL's copy is proved equal to the ledger, or made again from it; evidence stays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from skold.ledger.copier import Copier
from skold.models import Finding
from skold.rebuild.notice import note_differences
from skold.rebuild.rebuild import Outcome, Rebuild
from tests.support.audit_ledgers import NODE, AuditLedger


class Copy:
    """A ledger of 400 requests and PostgreSQL's copy of it."""

    def __init__(self, folder: Path, conninfo: str) -> None:
        self.conninfo = conninfo
        self.made = AuditLedger(folder)
        self.made.live(400, broken_off=3)
        self.ledger = self.made.sequence()
        copier = Copier(self.ledger, NODE, conninfo, limit=300)
        while copier.step():
            pass
        copier.close()
        self.connection = psycopg.connect(conninfo, autocommit=True)

    def rebuild(self) -> Rebuild:
        return Rebuild(self.ledger, NODE, self.conninfo, patience=0)

    def rows(self) -> list[tuple[Any, ...]]:
        return self.connection.execute("SELECT * FROM skold_audit ORDER BY leaf_index").fetchall()

    def sums(self) -> list[tuple[Any, ...]]:
        query = "SELECT hour, client, outcome, count, bytes FROM skold_audithour ORDER BY 1, 2, 3"
        return self.connection.execute(query).fetchall()


@pytest.fixture
def copy(tmp_path: Path, conninfo: str) -> Iterator[Copy]:
    made = Copy(tmp_path, conninfo)
    yield made
    made.connection.execute("DELETE FROM skold_audithour")
    made.connection.close()


def _named(outcome: Outcome) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(each.kind, each.leaf, each.columns) for each in outcome.examples]


def test_an_honest_copy_is_equal(copy: Copy) -> None:
    outcome = copy.rebuild().check()
    assert outcome.equal
    assert outcome.rows == outcome.leaves == 799


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("UPDATE skold_audit SET body = '{}' WHERE leaf_index = 5", ("different", 5, ("body",))),
        (
            'UPDATE skold_audit SET private = \'{"key": "x"}\' WHERE leaf_index = 5',
            ("different", 5, ("private",)),
        ),
        (
            "UPDATE skold_audit SET client = 'other' WHERE leaf_index = 6",
            ("different", 6, ("client",)),
        ),
        ("UPDATE skold_audit SET leaf_index = 5000 WHERE leaf_index = 7", ("surplus", 5000, ())),
        ("DELETE FROM skold_audit WHERE leaf_index = 8", ("missing", 8, ())),
    ],
)
def test_each_row_that_was_changed_is_named(
    copy: Copy, tampering: str, named: tuple[str, int, tuple[str, ...]]
) -> None:
    copy.connection.execute(tampering)
    outcome = copy.rebuild().check()
    assert not outcome.equal
    assert named in _named(outcome)


def test_what_differs_is_evidence_and_stays(copy: Copy) -> None:
    copy.connection.execute("UPDATE skold_audit SET client = 'other' WHERE leaf_index = 6")
    before = copy.rows()
    outcome = copy.rebuild().run()
    assert not outcome.equal
    assert copy.rows() == before


def test_gaps_are_filled_and_not_counted_twice(copy: Copy) -> None:
    rows, sums = copy.rows(), copy.sums()
    copy.connection.execute("DELETE FROM skold_audit WHERE leaf_index % 7 = 0")
    outcome = copy.rebuild().run()
    assert outcome.equal
    assert outcome.filled == 115
    assert copy.rows() == rows
    assert copy.sums() == sums
    assert copy.rebuild().check().equal


def test_an_empty_database_gets_all_of_it_with_its_sums(copy: Copy) -> None:
    rows, sums = copy.rows(), copy.sums()
    copy.connection.execute("TRUNCATE skold_audit, skold_ledgermark, skold_audithour")
    outcome = copy.rebuild().run()
    assert (outcome.copied, outcome.equal) == (799, True)
    assert copy.rows() == rows
    assert copy.sums() == sums


def test_a_lost_mark_is_set_again_behind_equal_rows(copy: Copy) -> None:
    rows, sums = copy.rows(), copy.sums()
    copy.connection.execute("DELETE FROM skold_ledgermark")
    assert not copy.rebuild().check().equal
    assert copy.rebuild().run().equal
    assert copy.rebuild().check().equal
    assert (copy.rows(), copy.sums()) == (rows, sums)


def test_a_check_says_what_the_bridge_has_yet_to_copy(copy: Copy) -> None:
    copy.made.live(10)
    copy.made.sequence()
    outcome = copy.rebuild().check()
    assert (outcome.waiting, outcome.equal) == (22, False)
    assert copy.rebuild().run().copied == 22


def test_differences_become_one_finding_for_each_kind(copy: Copy) -> None:
    copy.connection.execute("UPDATE skold_audit SET client = 'other' WHERE leaf_index IN (6, 8)")
    copy.connection.execute("DELETE FROM skold_audit WHERE leaf_index = 7")
    for _again in range(2):
        note_differences(copy.rebuild().check())
    found = {finding.facts["kind"]: finding for finding in Finding.objects.all()}
    assert sorted(found) == ["different", "missing"]
    assert found["different"].count == 2
    assert found["different"].facts["leaves"] == [6, 8]
    assert Finding.objects.count() == 2
