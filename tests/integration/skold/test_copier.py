"""PostgreSQL's copy holds each leaf exactly once, whatever is killed, stopped or frozen."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import psycopg
import pytest
from django.db import connection

from skold.ledger.bundles import WIDTH, Bundles
from skold.ledger.copier import Copier, LedgerBehindError, LedgerDiffersError
from skold.ledger.mark import Mark, read_mark, write_mark
from skold.models import AuditRecord, LedgerMark
from tests.support.servers import TestPostgres

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Ledger

NODE = "node-1"
REPOSITORY = Path(__file__).resolve().parents[3]


def copy_all(copier: Copier) -> int:
    copied = 0
    while step := copier.step():
        copied += step
    return copied


def leaf_numbers() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT leaf_index FROM skold_audit ORDER BY leaf_index")
        return [row[0] for row in cursor.fetchall()]


def make_ledger(path: Path, bodies: list[dict[str, Any]]) -> None:
    """A ledger of these bodies, without a journal."""
    leaves = [(orjson.dumps({"writer": "w", **body}), b'{"key":"k"}') for body in bodies]
    Bundles(path).write(
        {first // WIDTH: leaves[first : first + WIDTH] for first in range(0, len(leaves), WIDTH)}
    )
    write_mark(path, Mark(NODE, len(leaves), {}))


def test_it_copies_every_leaf_and_moves_the_mark_with_them(ledger: "Ledger", conninfo: str) -> None:
    ledger.write(700, client="portal", collection="photos")
    leaves = ledger.sequence()
    copier = Copier(ledger.path, NODE, conninfo, limit=500)
    assert copy_all(copier) == leaves == 1401
    assert leaf_numbers() == list(range(leaves))
    assert LedgerMark.objects.get(node=NODE).next_leaf == leaves
    assert (copier.step(), copier.behind) == (0, 0)
    copier.close()


def test_a_done_row_says_who_got_what(ledger: "Ledger", conninfo: str) -> None:
    ledger.write(1, client="portal", collection="photos", id="r-7")
    ledger.sequence()
    copier = Copier(ledger.path, NODE, conninfo)
    copier.step()
    copier.close()
    done = AuditRecord.objects.get(kind="done")
    assert (done.request_id, done.client, done.collection) == ("r-7", "portal", "photos")
    assert (done.status, done.outcome, done.bytes) == (200, "served", 64)
    assert done.private == {}
    request = AuditRecord.objects.get(kind="req")
    assert request.private["end_user"] == "anna"
    assert orjson.loads(bytes(request.body))["id"] == "r-7"


def test_a_done_finds_its_request_after_a_restart(ledger: "Ledger", conninfo: str) -> None:
    request = ledger.journal.append("req", {"id": "r-8", "client": "portal"}, {})
    request.wait(10)
    ledger.sequence()
    first = Copier(ledger.path, NODE, conninfo)
    first.step()
    first.close()
    ledger.journal.append("done", {"status": 206}, ref=request).wait(10)
    ledger.sequence()
    second = Copier(ledger.path, NODE, conninfo)
    second.step()
    second.close()
    done = AuditRecord.objects.get(kind="done")
    assert (done.status, done.request_id, done.client) == (206, "r-8", "portal")


def test_a_kill_in_the_middle_of_a_copy_neither_loses_nor_doubles(
    tmp_path: Path, conninfo: str
) -> None:
    """TESTS.md 11."""
    at = dt.datetime.now(dt.UTC).isoformat()
    make_ledger(tmp_path, [{"kind": "req", "n": n, "at": at, "id": f"r-{n}"} for n in range(6000)])
    script = (
        "import sys; from skold.ledger.copier import Copier\n"
        f"c = Copier(sys.argv[1], {NODE!r}, sys.argv[2], limit=200)\n"
        "c.step(); print('go', flush=True)\n"
        "while True: c.step()"
    )
    seen = []
    for kill in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), conninfo],
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.011 * kill)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        seen.append(len(leaf_numbers()))
        assert leaf_numbers() == list(range(seen[-1]))
    assert 0 < seen[0] < 6000, "the kills came too early or too late to say anything"
    copier = Copier(tmp_path, NODE, conninfo)
    copy_all(copier)
    copier.close()
    assert leaf_numbers() == list(range(6000))


def test_a_lost_commit_is_copied_again(ledger: "Ledger", conninfo: str) -> None:
    """Rows and mark go together: where the database forgot both, both come again."""
    ledger.write(10)
    leaves = ledger.sequence()
    copier = Copier(ledger.path, NODE, conninfo)
    copy_all(copier)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM skold_audit WHERE leaf_index >= 5")
        cursor.execute("UPDATE skold_ledgermark SET next_leaf = 5")
    copier.close()
    copy_all(copier)
    copier.close()
    assert leaf_numbers() == list(range(leaves))


def test_two_copiers_take_turns(ledger: "Ledger", conninfo: str) -> None:
    ledger.write(1500)
    leaves = ledger.sequence()
    with ThreadPoolExecutor(2) as pool:
        copiers = [Copier(ledger.path, NODE, conninfo, limit=40) for _ in range(2)]
        copied = list(pool.map(copy_all, copiers))
    for copier in copiers:
        copier.close()
    assert leaf_numbers() == list(range(leaves))
    assert min(copied) > 0, "one of them had nothing to do; this said nothing"
    assert sum(copied) == leaves


def test_it_catches_up_after_postgresql_was_stopped_and_frozen(
    ledger: "Ledger", own_postgres: TestPostgres
) -> None:
    """TESTS.md 4 and 10: the sequencer goes on, the copier catches up."""
    copier = Copier(ledger.path, NODE, own_postgres.url)
    ledger.write(5)
    ledger.sequence()
    assert copy_all(copier) == 11
    own_postgres.freeze()
    ledger.write(5)
    assert ledger.sequence() == 21
    own_postgres.thaw()
    assert copy_all(copier) == 10
    own_postgres.stop()
    ledger.write(5)
    assert ledger.sequence() == 31
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError):
            copier.step()
    own_postgres.start()
    assert copy_all(copier) == 10
    with psycopg.connect(own_postgres.url) as own:
        found = own.execute("SELECT leaf_index FROM skold_audit ORDER BY 1").fetchall()
    copier.close()
    assert [row[0] for row in found] == list(range(31))


def test_it_refuses_a_ledger_older_than_the_database(tmp_path: Path, conninfo: str) -> None:
    make_ledger(tmp_path, [{"kind": "req", "n": 0, "at": "2026-11-01T00:00:00Z"}])
    LedgerMark.objects.create(node=NODE, next_leaf=5)
    with pytest.raises(LedgerBehindError, match="5 leaves of node-1, the ledger only 1"):
        Copier(tmp_path, NODE, conninfo).step()


def test_it_does_not_go_on_from_another_history(ledger: "Ledger", conninfo: str) -> None:
    """The ledger was put back, and has overtaken the copy meanwhile."""
    ledger.write(3)
    ledger.sequence()
    copier = Copier(ledger.path, NODE, conninfo)
    copier.step()
    copier.close()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE skold_audit SET body = '{}' WHERE leaf_index = 6")
    ledger.write(2)
    ledger.sequence()
    for _ in range(2):
        with pytest.raises(LedgerDiffersError, match=r"leaf 6 of node-1 is.*rebuild_ledger"):
            copier.step()
    assert AuditRecord.objects.count() == 7


def test_records_go_into_the_month_of_utc(tmp_path: Path, conninfo: str) -> None:
    moments = ["2031-01-31T23:59:59.999999Z", "2031-02-01T00:00:00.000000Z", "2099-12-31T23:59:59Z"]
    make_ledger(tmp_path, [{"kind": "req", "n": n, "at": at} for n, at in enumerate(moments)])
    copier = Copier(tmp_path, NODE, conninfo)
    copier.step()
    copier.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM skold_audit ORDER BY at")
        found = [row[0] for row in cursor.fetchall()]
    assert found == ["skold_audit_2031_01", "skold_audit_2031_02", "skold_audit_2099_12"]


def test_partitions_of_the_coming_months_stand_before_they_are_needed(
    tmp_path: Path, conninfo: str
) -> None:
    copier = Copier(tmp_path, NODE, conninfo)
    copier.step()  # an idle node makes them too
    copier.close()
    now = dt.datetime.now(dt.UTC)
    for ahead in range(3):
        year, month = divmod(now.year * 12 + now.month - 1 + ahead, 12)
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)", [f"skold_audit_{year}_{month + 1:02d}"])
            assert cursor.fetchone() != (None,)


def test_a_session_of_any_time_zone_makes_the_same_month(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as own:
        own.execute("SET TimeZone = 'Pacific/Kiritimati'; SET DateStyle = 'German'")
        made = own.execute("SELECT skold_audit_partition('2033-03-31 23:30:00+00')").fetchone()
        own.execute("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'")
        bounds = own.execute(
            "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = %s", made
        ).fetchone()
    assert made == ("skold_audit_2033_03",)
    assert bounds is not None
    assert "FROM ('2033-03-01 00:00:00+00') TO ('2033-04-01 00:00:00+00')" in bounds[0]


def test_a_search_of_a_month_looks_at_no_other(conninfo: str) -> None:
    for month in range(1, 13):
        with connection.cursor() as cursor:
            cursor.execute("SELECT skold_audit_partition(%s)", [f"2035-{month:02d}-10T00:00Z"])
    june = [dt.datetime(2035, 6, day, tzinfo=dt.UTC) for day in (3, 20)]
    rows = AuditRecord.objects.filter(at__gte=june[0], at__lt=june[1], client="portal")
    plan = rows.explain()
    assert "skold_audit_2035_06" in plan
    assert plan.count("skold_audit_20") == plan.count("skold_audit_2035_06")


def test_it_keeps_up_with_five_thousand_records_a_second(tmp_path: Path, conninfo: str) -> None:
    at = dt.datetime.now(dt.UTC).isoformat()
    asked = {"client": "portal", "collection": "photos", "address": "ab" * 16, "action": "read"}
    bodies: list[dict[str, Any]] = []
    for n in range(0, 10_000, 2):
        bodies.append({"kind": "req", "n": n, "at": at, "id": f"r-{n}", **asked})
        bodies.append({"kind": "done", "n": n + 1, "at": at, "ref": n, "status": 200, "bytes": 9})
    make_ledger(tmp_path, bodies)
    copier = Copier(tmp_path, NODE, conninfo)
    started = time.monotonic()
    assert copy_all(copier) == 10_000
    took = time.monotonic() - started
    copier.close()
    assert read_mark(tmp_path, NODE).leaves == 10_000
    # A quarter of what an idle core does, because other tests share it.
    assert 10_000 / took > 2_500, f"{10_000 / took:.0f} records a second"
