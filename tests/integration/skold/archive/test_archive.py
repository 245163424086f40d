"""A month leaves PostgreSQL only when a file that was read back holds all of it."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from skold.archive.archive import Archiver, MonthOutcome
from skold.archive.month_file import MonthFile, MonthFileDamaged
from skold.archive.months import MonthTooYoungError, check_before, first_kept
from skold.archive.restore import list_again, unlisted
from skold.ledger.copier import Copier
from skold.rebuild.rebuild import Rebuild
from tests.support.audit_ledgers import NODE, AuditLedger

MARCH, APRIL = "2025-03", "2025-04"


class Archive:
    """A ledger with records of March and April 2025, copied, and who archives it."""

    def __init__(self, folder: Path, conninfo: str) -> None:
        self.folder, self.conninfo = folder / "archive", conninfo
        self.made = AuditLedger(folder / "node")
        for month in (3, 4):
            self.made._now = _ns(dt.datetime(2025, month, 30, 23, 59, 59, 700_000, tzinfo=dt.UTC))
            self.made.live(150, broken_off=2)
        self.ledger = self.made.sequence()
        self.copy()
        self.connection = psycopg.connect(conninfo, autocommit=True, options="-c TimeZone=UTC")

    def copy(self) -> None:
        copier = Copier(self.ledger, NODE, self.conninfo)
        while copier.step():
            pass
        copier.close()

    def archiver(self, stop_at: str = "") -> Archiver:
        def step(name: str) -> None:
            if name == stop_at:
                raise KeyboardInterrupt(name)

        return Archiver(
            ledger=self.ledger,
            archive=self.folder,
            node=NODE,
            actor="command:test",
            connection=self.connection,
            step=step,
        )

    def put_away(self, *months: str, stop_at: str = "") -> list[MonthOutcome]:
        return list(self.archiver(stop_at).archive(months or (MARCH,), lambda _a, _b: None))

    def rows(self) -> list[tuple[Any, ...]]:
        return self.connection.execute("SELECT * FROM skold_audit ORDER BY leaf_index").fetchall()

    def count(self, month: str) -> int:
        query = "SELECT count(*) FROM skold_audit WHERE to_char(at, 'YYYY-MM') = %s"
        found = self.connection.execute(query, [month]).fetchone()
        assert found
        return int(found[0])

    def tables(self) -> set[str]:
        query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
        return {name for (name,) in self.connection.execute(query, ["skold_audit"])}

    def check(self) -> Any:
        return Rebuild(self.ledger, NODE, self.conninfo, patience=0).check()


def _ns(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


@pytest.fixture
def archive(tmp_path: Path, conninfo: str) -> Iterator[Archive]:
    made = Archive(tmp_path, conninfo)
    yield made
    made.connection.execute("DELETE FROM skold_archivedmonth")
    made.connection.execute("DELETE FROM skold_audithour")
    made.connection.close()


def test_a_month_goes_into_a_file_and_leaves_postgresql(archive: Archive) -> None:
    before = archive.count(MARCH)
    april = archive.count(APRIL)
    (outcome,) = archive.put_away()
    assert (outcome.result, outcome.records) == ("archived", before)
    assert archive.count(MARCH) == 0
    assert archive.count(APRIL) == april
    assert "skold_audit_2025_03" not in archive.tables()
    file = MonthFile(archive.folder / NODE / Path(outcome.path).name)
    assert file.check().records == before
    assert archive.check().equal


def test_a_month_comes_back_exactly_as_it_was(archive: Archive) -> None:
    before = archive.rows()
    archive.put_away()
    archive.archiver().read_back(MARCH)
    assert archive.rows() == before
    assert archive.check().equal
    archive.archiver().put_away(MARCH)
    assert archive.count(MARCH) == 0
    assert archive.check().equal


def test_killed_at_every_step_after_the_other_it_comes_to_its_end(archive: Archive) -> None:
    before = archive.count(MARCH)
    for stop in ("compare", "write", "verify", "note", "drop", "tidy"):
        with pytest.raises(KeyboardInterrupt, match=stop):
            archive.put_away(stop_at=stop)
    (outcome,) = archive.put_away()
    assert outcome.records == before
    assert archive.check().equal


@pytest.mark.slow
@pytest.mark.parametrize("stop", ["compare", "write", "verify", "note", "drop", "tidy"])
def test_killed_at_any_step_nothing_is_lost_and_the_next_run_finishes(
    archive: Archive, stop: str
) -> None:
    before = archive.count(MARCH)
    with pytest.raises(KeyboardInterrupt):
        archive.put_away(stop_at=stop)
    assert archive.count(MARCH) == (0 if stop == "tidy" else before)
    assert archive.check().equal
    (outcome,) = archive.put_away()
    assert outcome.records == before
    assert archive.count(MARCH) == 0
    assert len(list((archive.folder / NODE).glob("*.skam"))) == 1


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE skold_audit SET client = 'somebody' WHERE leaf_index = 10",
        "DELETE FROM skold_audit WHERE leaf_index = 10",
        """INSERT INTO skold_audit SELECT (json_populate_record(a, '{"leaf_index": 100000}')).*
           FROM skold_audit a WHERE leaf_index = 10""",
    ],
)
def test_evidence_of_tampering_does_not_go_with_the_partition(
    archive: Archive, tampering: str
) -> None:
    archive.connection.execute(tampering)
    before = archive.count(MARCH)
    (outcome,) = archive.put_away()
    assert outcome.result == "differs"
    assert outcome.differences
    assert archive.count(MARCH) == before
    assert not archive.folder.exists() or not list(archive.folder.rglob("*.skam"))


def test_the_database_drops_no_month_without_a_file(archive: Archive) -> None:
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="no bundle holds"):
        archive.connection.execute("SELECT skold_audit_put_away('2025-03-01')")
    assert archive.count(MARCH)


def test_rows_of_another_node_keep_the_month(archive: Archive) -> None:
    archive.connection.execute(
        'INSERT INTO skold_audit SELECT (json_populate_record(a, \'{"node": "node-2"}\')).*'
        " FROM skold_audit a WHERE leaf_index = 10"
    )
    (outcome,) = archive.put_away()
    assert outcome.result == "waits for other nodes"
    assert "node-2" in outcome.reason
    assert archive.count(MARCH)


def test_the_copier_brings_no_archived_month_back(archive: Archive) -> None:
    archive.put_away()
    archive.connection.execute("TRUNCATE skold_audit, skold_ledgermark")
    archive.connection.execute("DELETE FROM skold_audithour")
    archive.copy()
    assert archive.count(MARCH) == 0
    assert "skold_audit_2025_03" not in archive.tables()
    assert archive.check().equal
    counted = archive.connection.execute("SELECT sum(count) FROM skold_audithour").fetchone()
    assert counted == (2 * 148,)


def test_a_record_that_comes_late_is_copied_and_archived_with_the_others(archive: Archive) -> None:
    (first,) = archive.put_away()
    archive.made._now = _ns(dt.datetime(2025, 3, 31, 12, tzinfo=dt.UTC))
    archive.made.live(3)
    archive.made.sequence()
    archive.copy()
    late = archive.count(MARCH)
    assert late == 8
    assert archive.check().equal
    (outcome,) = archive.put_away()
    assert outcome.records == first.records + late
    assert archive.count(MARCH) == 0
    assert [path.name for path in (archive.folder / NODE).iterdir()] == [Path(outcome.path).name]
    assert archive.check().equal


def test_the_list_is_made_again_from_the_files(archive: Archive) -> None:
    archive.put_away()
    before = archive.connection.execute(
        "SELECT node, month, path, sha256, size, records, leaves, standing FROM skold_archivedmonth"
    ).fetchall()
    archive.connection.execute("DELETE FROM skold_archivedmonth")
    files = unlisted(archive.folder, NODE, archive.connection)
    list_again(
        files,
        archive=archive.folder,
        node=NODE,
        ledger=archive.ledger,
        connection=archive.connection,
    )
    after = archive.connection.execute(
        "SELECT node, month, path, sha256, size, records, leaves, standing FROM skold_archivedmonth"
    ).fetchall()
    assert after == before
    assert unlisted(archive.folder, NODE, archive.connection) == []


def test_a_damaged_file_is_named(archive: Archive) -> None:
    (outcome,) = archive.put_away()
    path = archive.folder / NODE / Path(outcome.path).name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(MonthFileDamaged, match="checksum"):
        archive.archiver().read_back(MARCH)
    assert archive.count(MARCH) == 0


def test_the_retention_keeps_its_months() -> None:
    now = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    assert first_kept(now, 12) == "2025-11"
    assert first_kept(now, 0) == "2026-10"
    assert first_kept(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 1) == "2025-12"
    check_before("2025-11", now, 12)
    with pytest.raises(MonthTooYoungError, match="2025-11"):
        check_before("2025-12", now, 12)
