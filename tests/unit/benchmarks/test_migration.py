"""The migration's goals follow from its samples, and a plan that reads a whole table is noticed."""

from pathlib import Path

import pytest

from benchmarks.migration.limit import read_all
from benchmarks.migration.measure import BUSY, CALM, goals
from benchmarks.migration.recording import Recording
from benchmarks.migration.scale import main
from benchmarks.migration.tables import CHUNK, fill
from benchmarks.results import READING, SYNC, Sample, Scenario
from tests.support.legacy import legacy_database


@pytest.fixture(scope="module")
def legacy_url(postgres):
    with legacy_database() as url:
        yield url


def test_goals_compare_with_reading_and_with_reads_without_a_sync():
    pace, reads = Scenario("Migrate", "files/s"), Scenario("Read", "req/s")
    pace.row(READING).samples = [Sample(1000)]
    pace.row(SYNC).samples = [Sample(590)]
    reads.row(CALM).samples = [Sample(200, p99=10.0)]
    reads.row(BUSY).samples = [Sample(200, p99=11.5)]
    found = [(goal.found, goal.reached) for goal in goals([pace, reads])]
    assert found == [(pytest.approx(0.59), False), (pytest.approx(1.15), True)]


def test_reading_alone_reads_and_inflates_every_file(legacy_url):
    packed = fill(legacy_url, "few", 70, 2)
    assert 0.4 < packed < 0.6
    found = read_all(legacy_url, "few", 70, 2, 2)
    assert found["bytes"] == 70 * 2 * CHUNK
    with pytest.raises(RuntimeError, match="70 of 71"):
        read_all(legacy_url, "few", 71, 2, 2)


def test_a_scan_of_a_whole_table_is_told_from_one_of_an_index(legacy_url):
    with Recording.connect(legacy_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE many AS SELECT generate_series(1, 20000) AS id")
        connection.execute("ALTER TABLE many ADD PRIMARY KEY (id)")
        connection.execute("VACUUM ANALYZE many")
        kinds = []
        for query in ("id = 7", "id %% 9 = 7"):
            connection.forget()
            connection.execute(f"SELECT id FROM many WHERE {query} AND id > %s", (1,))
            kinds.append([scan.kind for scan in connection.scans({"many"})])
    assert kinds == [["Index Only Scan"], ["Seq Scan"]]


def test_the_scale_says_what_is_not_bounded(monkeypatch, tmp_path: Path, capsys):
    monkeypatch.setattr(
        "migrator.legacy.reader.LegacyReader.ids_after",
        lambda self, *_: self.connection.execute(
            "SELECT id::text FROM huge_record ORDER BY media_type"
        ).fetchmany(1),
    )
    monkeypatch.setattr("benchmarks.migration.scale.Scale.walk", lambda *_: (5, 0.0, 1 << 30))
    monkeypatch.setattr("sys.argv", ["scale", "--records", "20000", "--folder", str(tmp_path)])
    assert main() == 1
    out = capsys.readouterr().out
    assert "Seq Scan of huge_record" in out
    assert "the walk met 5 of 20,000 records" in out
    assert "memory grew" in out
