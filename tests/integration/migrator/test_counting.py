"""Reads that legacy had a part in are counted by day, each audit record exactly once."""

import datetime as dt
import uuid
from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from contentserver.catalog.models import File
from migrator import counting
from migrator.counting import Counter
from migrator.models import AuditMark, DailyReads, Difference, Source
from skold.models import LedgerMark
from tests.support.legacy import LegacyTables

pytestmark = pytest.mark.django_db

DAY = dt.datetime(2026, 6, 1, 23, 59, 59, tzinfo=dt.UTC)
ADDRESS = uuid.UUID(int=7)


class Audit:
    """Rows as the copier would write them."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.leaves = 0
        LedgerMark.objects.create(node=node)

    def add(self, outcome: str, **facts: object) -> None:
        row = {
            "node": self.node, "leaf_index": self.leaves, "at": DAY, "writer": "w",
            "n": self.leaves, "kind": "done", "plane": "data", "action": "read",
            "resource": "photos", "outcome": outcome, "private": "{}", "body": b"{}",
        } | facts  # fmt: skip
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        with connection.cursor() as cursor:
            cursor.execute("SELECT skold_audit_partition(%s)", [row["at"]])
            cursor.execute(
                f"INSERT INTO skold_audit ({names}) VALUES ({marks})", list(row.values())
            )
        self.leaves += 1
        LedgerMark.objects.filter(node=self.node).update(next_leaf=self.leaves)

    def compare(self, outcome: str, **facts: object) -> None:
        self.add(outcome, action="compare", address=ADDRESS.hex, **facts)


@pytest.fixture
def audit() -> Audit:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE skold_audit, skold_ledgermark")
    return Audit("node-a")


@pytest.fixture
def source(legacy_url: str) -> Iterator[Source]:
    with LegacyTables(legacy_url) as tables:
        yield Source.objects.create(name="photos", description=tables.description.to_mapping())


def days() -> dict[dt.date, tuple[int, ...]]:
    return {
        row.day: (row.from_legacy, row.imported, row.unchecked, row.compared, row.different)
        for row in DailyReads.objects.all()
    }


def test_each_outcome_has_its_figure(audit: Audit, source: Source) -> None:
    for outcome in ("from_legacy", "from_legacy", "imported", "unchecked", "ok"):
        audit.add(outcome)
    for outcome in ("same", "same", "pending", "unavailable"):
        audit.compare(outcome)
    audit.add("imported", plane="migrator", action="commit")
    audit.add("from_legacy", resource="another")
    audit.add("from_legacy", kind="req")
    audit.add("from_legacy", at=DAY + dt.timedelta(seconds=1))
    Counter().step()
    assert days() == {DAY.date(): (2, 1, 1, 2, 0), DAY.date() + dt.timedelta(1): (1, 0, 0, 0, 0)}


def test_nothing_is_counted_twice_and_nothing_is_missed(
    audit: Audit, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "LIMIT", 3)
    other = Audit("node-b")
    for _ in range(7):
        audit.add("from_legacy")
    other.add("imported")
    counter = Counter()
    assert counter.step()
    while counter.step():
        pass
    audit.add("unchecked")
    Counter().step()
    Counter().step()
    assert days() == {DAY.date(): (7, 1, 1, 0, 0)}
    assert dict(AuditMark.objects.values_list("node", "next_leaf")) == {"node-a": 8, "node-b": 1}


def test_what_the_copier_has_not_finished_waits(audit: Audit, source: Source) -> None:
    audit.add("from_legacy")
    LedgerMark.objects.update(next_leaf=0)
    assert not Counter().step()
    assert days() == {}


def test_a_difference_in_shadow_is_listed_once_until_it_is_resolved(
    audit: Audit, source: Source
) -> None:
    File.objects.create(
        id=ADDRESS, collection="photos", key="7.jpg", year=2026, number=1, size=1,
        committed_at=timezone.now(),
    )  # fmt: skip
    audit.compare("different")
    audit.compare("different")
    Counter().step()
    audit.compare("different")
    Counter().step()
    (found,) = Difference.objects.all()
    assert (found.key, found.record, found.kind) == ("7.jpg", ["7"], "different")
    assert days() == {DAY.date(): (0, 0, 0, 3, 3)}
    Difference.objects.update(resolved_at=timezone.now())
    audit.compare("different")
    Counter().step()
    assert Difference.objects.count() == 2


def test_without_a_source_only_the_mark_moves(audit: Audit) -> None:
    audit.add("from_legacy")
    assert not Counter().step()
    assert AuditMark.objects.get(node="node-a").next_leaf == 1
