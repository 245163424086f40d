"""Sums beside the audit: each record counts exactly once, whatever is killed or copied again."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import Sum

from skold.ledger import sums
from skold.ledger.bundles import WIDTH, Bundles
from skold.ledger.copier import Copier
from skold.ledger.mark import Mark, write_mark
from skold.models import AuditHour, Client, CredentialUse, KnownNetwork, UrlKey

REPOSITORY = Path(__file__).resolve().parents[3]
TEN = dt.datetime(2026, 11, 3, 10, tzinfo=dt.UTC)
Body = dict[str, Any]
Leaves = list[tuple[Body, Body]]


def request(n: int, minutes: float = 0, private: Body | None = None, **more: Any) -> Any:
    at = (TEN + dt.timedelta(minutes=minutes)).isoformat()
    asked = {"plane": "data", "client": "portal", "action": "read", "decision": "allow"}
    return {"kind": "req", "n": n, "at": at, **asked, **more}, private or {}


def end(n: int, ref: int, minutes: float = 0, **more: Any) -> Any:
    at = (TEN + dt.timedelta(minutes=minutes)).isoformat()
    ended = {"status": 200, "outcome": "served", "bytes": 100}
    return {"kind": "done", "n": n, "at": at, "ref": ref, **ended, **more}, {}


def pairs(count: int, **more: Any) -> Leaves:
    """So many accesses, ten a second."""
    made: Leaves = []
    for n in range(0, 2 * count, 2):
        made += [request(n, n / 1200, credential="key-1", **more), end(n + 1, n, n / 1200)]
    return made


def make_ledger(path: Path, leaves: Leaves, node: str = "node-1") -> None:
    packed = [(orjson.dumps({"writer": "w", **body}), orjson.dumps(own)) for body, own in leaves]
    bundles = {
        first // WIDTH: packed[first : first + WIDTH] for first in range(0, len(packed), 256)
    }
    Bundles(path).write(bundles)
    write_mark(path, Mark(node, len(packed), {}))


def copy_all(path: Path, conninfo: str, node: str = "node-1", limit: int = 5000) -> None:
    copier = Copier(path, node, conninfo, limit=limit)
    while copier.step():
        pass
    copier.close()


def counted() -> list[tuple[Any, ...]]:
    fields = ("hour", "client", "action", "decision", "outcome", "count", "bytes")
    return list(AuditHour.objects.order_by(*fields).values_list(*fields))


def test_ends_count_in_the_hour_in_which_they_lie(tmp_path: Path, conninfo: str) -> None:
    leaves = [
        *(request(0, 59), end(1, 0, 60)),
        *(request(2, 61), end(3, 2, 62, bytes=50)),
        *(request(4, 61, decision="refuse"), end(5, 4, 61, outcome="not_found", bytes=0)),
        request(6, 65),  # broken off: it has not ended
    ]
    make_ledger(tmp_path, leaves)
    copy_all(tmp_path, conninfo, limit=3)
    eleven = TEN + dt.timedelta(hours=1)
    assert counted() == [
        (eleven, "portal", "read", "allow", "served", 2, 150),
        (eleven, "portal", "read", "refuse", "not_found", 1, 0),
    ]


def test_refusals_that_were_only_counted_count_too(tmp_path: Path, conninfo: str) -> None:
    flood = {"kind": "flood", "n": 0, "at": TEN.isoformat(), "plane": "data", "count": 980}
    make_ledger(tmp_path, [(flood, {"network": "192.0.2.0/24"})])
    copy_all(tmp_path, conninfo)
    assert counted() == [(TEN, "", "", "refuse", "flood", 980, 0)]


def test_a_credential_was_used_when_it_opened_something_last(tmp_path: Path, conninfo: str) -> None:
    leaves = [
        request(0, 5, credential="key-1"),
        request(1, 3, credential="key-1"),  # an older one, copied later
        request(2, 9, credential="key-1", decision="refuse"),
        request(3, 9, credential="key-2", decision="refuse"),
    ]
    make_ledger(tmp_path, leaves)
    copy_all(tmp_path, conninfo, limit=1)
    used = dict(CredentialUse.objects.values_list())
    assert used == {"key-1": TEN + dt.timedelta(minutes=5)}


def test_networks_are_known_from_which_a_client_was_let_in(tmp_path: Path, conninfo: str) -> None:
    client = Client.objects.create(id="portal", name="Portal")
    UrlKey.objects.create(id="signing", client=client, wrapped="x", wrapping=1)
    leaves = [
        request(0, 5, {"network": "192.0.2.7"}),
        request(1, 3, {"network": "192.0.2.200"}),
        request(2, 4, {"network": "2001:db8:1:2:3::4"}),
        request(3, 4, {"network": "203.0.113.1"}, decision="refuse"),
        request(4, 4, {"network": "198.51.100.1"}, credential="signing"),
        request(5, 4, {}),  # redacted
        request(6, 4, {"network": "203.0.113.1"}, client=None),
    ]
    make_ledger(tmp_path, leaves)
    copy_all(tmp_path, conninfo, limit=2)
    three, four, five = (TEN + dt.timedelta(minutes=minutes) for minutes in (3, 4, 5))
    assert known() == [
        ("portal", "192.0.2.0/24", three, five),
        ("portal", "2001:db8:1:2::/64", four, four),
    ]


def test_nothing_that_a_record_holds_stops_the_copy(tmp_path: Path, conninfo: str) -> None:
    long = {"plane": "p" * 200, "client": "c" * 500, "action": "a" * 99, "credential": "k" * 300}
    leaves = [
        request(0, 0, {"network": "n" * 600}, **long),
        end(1, 0, bytes=2**62, outcome="o" * 200),
        end(2, 0, bytes=-5),
        end(3, 0, bytes=2**62, outcome="o" * 200),
        (
            {"kind": "flood", "n": 4, "at": "yesterday", "plane": "data", "count": 2**62},
            {"network": "\0"},
        ),
        ({"kind": "flood", "n": 5, "at": "yesterday", "count": "many"}, {}),
    ]
    make_ledger(tmp_path, leaves)
    copy_all(tmp_path, conninfo, limit=1)
    sent = AuditHour.objects.filter(outcome="o" * 64).get()
    assert (sent.count, sent.bytes, len(sent.client)) == (2, 2 * sums.MOST, 64)
    AuditHour.objects.update(bytes=2**63 - 2)
    connection.cursor().execute("UPDATE skold_ledgermark SET next_leaf = 3")
    connection.cursor().execute("DELETE FROM skold_audit WHERE leaf_index >= 3")
    copy_all(tmp_path, conninfo)
    assert AuditHour.objects.get(outcome="o" * 64).bytes == 2**63 - 1


def test_a_kill_in_the_middle_of_a_copy_counts_nothing_twice(tmp_path: Path, conninfo: str) -> None:
    """TESTS.md 11, for the sums."""
    make_ledger(tmp_path, pairs(3000))
    script = (
        "import sys; from skold.ledger.copier import Copier\n"
        "c = Copier(sys.argv[1], 'node-1', sys.argv[2], limit=200)\n"
        "c.step(); print('go', flush=True)\n"
        "while True: c.step()"
    )
    rows = []
    for kill in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), conninfo],
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.013 * kill)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        rows.append(rows_and_sums(conninfo))
        assert rows[-1][0] == rows[-1][1]
    assert 0 < rows[0][0] < 3000, "the kills came too early or too late to say anything"
    copy_all(tmp_path, conninfo)
    assert rows_and_sums(conninfo) == (3000, 3000)


def rows_and_sums(conninfo: str) -> tuple[int, int]:
    """Ends in the table and ends in the sums, in one snapshot: a killed session may still end."""
    with psycopg.connect(conninfo) as own:
        found = own.execute(
            "SELECT (SELECT count(*) FROM skold_audit WHERE kind = 'done'),"
            " (SELECT coalesce(sum(count), 0) FROM skold_audithour)::bigint"
        ).fetchone()
    assert found is not None
    return found


def test_copiers_of_many_nodes_meet_without_a_deadlock(tmp_path: Path, conninfo: str) -> None:
    """The same credentials and networks, in opposite orders, in every transaction."""
    nodes = [f"node-{number}" for number in range(4)]
    for number, node in enumerate(nodes):
        leaves: Leaves = []
        for n in range(400):
            which = n % 50 if number % 2 else 49 - n % 50
            own = {"network": f"10.0.{which}.1"}
            leaves.append(request(n, n, own, credential=f"key-{which}", client=f"c-{which}"))
        make_ledger(tmp_path / node, leaves, node)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda node: copy_all(tmp_path / node, conninfo, node, 50), nodes))
    assert (CredentialUse.objects.count(), KnownNetwork.objects.count()) == (50, 50)


def test_a_copy_made_again_has_the_same_sums(tmp_path: Path, conninfo: str) -> None:
    make_ledger(tmp_path, pairs(300, client="portal"))
    copy_all(tmp_path, conninfo)
    before = counted()
    with psycopg.connect(conninfo) as own:
        own.execute("DELETE FROM skold_audit WHERE node = 'node-1'")
        own.execute(sums.FORGET, ("node-1",))
        own.execute("UPDATE skold_ledgermark SET next_leaf = 0 WHERE node = 'node-1'")
    copy_all(tmp_path, conninfo)
    assert counted() == before
    assert AuditHour.objects.aggregate(all=Sum("count"))["all"] == 300


@pytest.fixture(autouse=True)
def _empty(conninfo: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE skold_audithour, skold_credentialuse, skold_knownnetwork")


def test_what_was_copied_before_there_were_sums_adds_up_to_the_same(
    tmp_path: Path, conninfo: str
) -> None:
    client = Client.objects.create(id="portal", name="Portal")
    UrlKey.objects.create(id="signing", client=client, wrapped="x", wrapping=1)
    flood = {"kind": "flood", "n": 900, "at": TEN.isoformat(), "plane": "data", "count": 980}
    leaves = [
        *pairs(200, private={"network": "192.0.2.7"}),
        request(700, 4, {"network": "2001:db8:1:2:3::4"}, credential="key-2"),
        request(701, 5, {"network": "::ffff:198.51.100.9"}),
        request(702, 5, {"network": "no address"}),
        request(703, 4, {"network": "203.0.113.1"}, decision="refuse", credential="key-3"),
        request(704, 4, {"network": "203.0.113.1"}, credential="signing"),
        end(705, 704, 130, outcome="broken_off", bytes=None),
        (flood, {"network": "192.0.2.0/24"}),
    ]
    make_ledger(tmp_path, leaves)
    copy_all(tmp_path, conninfo)
    kept = counted(), list(CredentialUse.objects.order_by("pk").values_list()), known()
    assert len(kept[0]) == 3
    assert len(kept[2]) == 4
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE skold_audithour, skold_credentialuse, skold_knownnetwork")
    migration = import_module("skold.migrations.0009_sums_of_the_past")
    with transaction.atomic(), connection.cursor() as cursor:
        for operation in migration.Migration.operations:
            cursor.execute(operation.sql)
    again = counted(), list(CredentialUse.objects.order_by("pk").values_list()), known()
    assert again == kept


def known() -> list[tuple[Any, ...]]:
    fields = ("client", "network", "first_at", "last_at")
    return list(KnownNetwork.objects.order_by("network").values_list(*fields))
