"""Searching the audit over HTTP: by what has an index, page by page, within what one may see."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contentserver.catalog.models import Collection
from skold.control import parts
from skold.ledger.copier import Copier
from skold.listing import pages
from skold.models import AuditRecord

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control, Ledger

Api = Callable[..., Any]


@pytest.fixture
def copied(ledger: "Ledger", conninfo: str) -> "Ledger":
    """Two collections, two clients, one refusal, one access without an end."""
    photo = {"collection": "photos", "address": "ab" * 16, "version": "2026.1"}
    ledger.write(8, client="portal", id="r-1", credential="key-1", network="192.0.2.1", **photo)
    ledger.write(3, client="clinic", collection="documents", address="cd" * 16, id="r-2")
    refused = {"client": "clinic", "collection": "photos", "decision": "refuse", "id": "r-3"}
    refused |= {"reason": "no_grant", "action": "read"}
    ledger.journal.append("req", refused, {"key": "secret.jpg"}).wait(9)
    ledger.sequence()
    copy(conninfo, ledger)
    return ledger


@pytest.fixture
def auditor(copied: "Ledger", plane: "Control") -> str:
    return plane.client("auditor", ["audit"])


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("kind=req", 12),
        ("client=portal&kind=req", 8),
        ("client=portal", 8),
        ("client=portal&kind=every", 16),
        ("", 12),
        ("kind=every", 24),
        ("end_user=anna", 11),
        ("end_user=Anna", 0),
        ("end_user=anna&status=200", 11),
        ("end_user=anna&status=404", 0),
        ("network=192.0.2.1", 8),
        ("network=192.0.2.1&outcome=served&client=portal", 8),
        ("version=2026.1", 8),
        ("version=2026.1&status=200", 8),
        ("reason=no_grant", 1),
        ("credential=key-1", 8),
        ("action=read", 12),
        ("kind=req&status=200", 11),
        ("collection=documents&kind=done", 3),
        ("decision=refuse", 1),
        ("status=200&client=clinic", 3),
        ("outcome=served&collection=photos", 8),
        ("request_id=r-2&kind=req", 3),
        ("address=" + "ab" * 16 + "&kind=req", 8),
        ("since=2099-01-01T00:00:00Z", 0),
        ("until=2000-01-01T00:00:00Z", 0),
        ("since=2000-01-01T00:00:00Z&until=2099-01-01T00:00:00%2B01:00&kind=req", 12),
        ("kind=open", 1),
        ("plane=control", 0),
        ("node=node-2", 0),
    ],
)
def test_each_filter_finds_what_it_names(api: Api, auditor: str, search: str, found: int) -> None:
    assert len(api("get", f"audit?{search}", auditor).json()["results"]) == found


@pytest.mark.parametrize(
    "search", ["decision=maybe", "status=abc", "since=yesterday", "kind=x", "action=fly"]
)
def test_a_wrong_filter_is_400(api: Api, auditor: str, search: str) -> None:
    answer = api("get", f"audit?{search}", auditor)
    assert answer.status_code == 400
    assert search.partition("=")[0] in answer.json()["errors"]


def test_a_writer_is_found_by_its_name(api: Api, auditor: str) -> None:
    writer = AuditRecord.objects.filter(kind="req")[0].writer
    assert len(api("get", f"audit?writer={writer}", auditor).json()["results"]) == 12
    assert api("get", f"audit?writer={writer}x", auditor).json()["results"] == []


def test_a_key_is_found_in_every_collection_after_it_was_redacted(
    ledger: "Ledger", conninfo: str, plane: "Control", api: Api
) -> None:
    key = plane.client("auditor", ["audit"])
    for collection in ("photos", "documents"):
        Collection.objects.get_or_create(name=collection)
        address = parts.addresses(collection, "2026/1.jpg")[0]
        ledger.write(1, collection=collection, address=address)
    ledger.sequence()
    copy(conninfo, ledger)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE skold_audit SET private = '{}'")

    def found(search: str) -> list[str]:
        records = api("get", f"audit?{search}", key).json()["results"]
        return sorted(record["collection"] for record in records)

    assert found("key=2026/1.jpg") == ["documents", "photos"]
    assert found("key=2026/1.jpg&collection=photos") == ["photos"]
    assert found("key=2026/2.jpg") == []
    assert found("key=../etc") == []
    assert found("end_user=anna") == []


def test_a_page_that_ends_early_says_how_far_it_looked_and_goes_on(
    api: Api, auditor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters together are answered window by window; here no time is left after the first."""
    monkeypatch.setattr(pages, "TOGETHER", 0)
    monkeypatch.setattr(pages, "LEAST", 1)
    connection.cursor().execute("UPDATE skold_audit SET at = at - interval '2 minutes'")
    first = api("get", "audit?client=portal&reason=gone", auditor).json()
    assert first["results"] == []
    assert first["searched_to"] is not None
    path, ends = "audit?client=portal&status=200&page_size=3", 0
    seen: list[str] = []
    while path:
        page = api("get", path, auditor).json()
        seen += [record["id"] for record in page["results"]]
        ends += page["searched_to"] is not None
        path = (page["next"] or "").partition("/api/v1/")[2]
    assert len(seen) == len(set(seen)) == 8
    assert ends > 0, "every page was whole; this said nothing"


def test_a_search_without_end_is_ended(
    api: Api, auditor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER VIEW skold_audit_view RENAME TO skold_audit_quick")
        cursor.execute(
            "CREATE VIEW skold_audit_view AS SELECT skold_audit_quick.*"
            " FROM skold_audit_quick, LATERAL (SELECT pg_sleep(0.2)) AS slowly"
        )
    try:
        monkeypatch.setattr(pages, "TOGETHER", 0.3)
        answer = api("get", "audit?client=portal&status=200", auditor)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP VIEW skold_audit_view")
            cursor.execute("ALTER VIEW skold_audit_quick RENAME TO skold_audit_view")
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("search_too_wide")


def copy(conninfo: str, ledger: "Ledger") -> None:
    copier = Copier(ledger.path, "node-1", conninfo)
    copier.step()
    copier.close()


def test_pages_hold_each_record_once_newest_first(api: Api, auditor: str) -> None:
    seen: list[dict[str, Any]] = []
    path = "audit?page_size=5&kind=every"
    with CaptureQueriesContext(connection) as queries:
        while path:
            page = api("get", path, auditor).json()
            seen += page["results"]
            path = (page["next"] or "").partition("/api/v1/")[2]
    assert len({record["id"] for record in seen}) == len(seen) == AuditRecord.objects.count()
    assert [record["at"] for record in seen] == sorted(
        (record["at"] for record in seen), reverse=True
    )
    for query in queries:
        assert "COUNT(" not in query["sql"].upper()
        assert "OFFSET" not in query["sql"].upper()


def test_records_of_the_same_microsecond_are_not_lost_between_pages(api: Api, auditor: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO skold_audit (node, leaf_index, at, writer, n, kind, private, body)"
            " SELECT 'node-' || i % 2, i, date_trunc('day', now()), 'same', i, 'req', '{}', '{}'"
            " FROM generate_series(1, 13) AS i"
        )
    seen: list[str] = []
    path = "audit?page_size=3&writer=same"
    while path:
        page = api("get", path, auditor).json()
        seen += [record["id"] for record in page["results"]]
        path = (page["next"] or "").partition("/api/v1/")[2]
    assert len(seen) == len(set(seen)) == 13


def test_a_record_is_shown_as_it_was_hashed_and_without_its_salt(api: Api, auditor: str) -> None:
    record = AuditRecord.objects.filter(kind="req", client="portal").first()
    assert record is not None
    shown = api("get", f"audit/{record.pk}", auditor).json()
    assert shown["body"] == bytes(record.body).decode()
    assert shown["private"]["end_user"] == "anna"
    assert "salt" in record.private
    assert "salt" not in shown["private"]


@pytest.mark.parametrize("record_id", ["node-1:99999", "node-2:0", "node-1:9999999999999999999"])
def test_a_record_that_is_not_there_is_404(api: Api, auditor: str, record_id: str) -> None:
    assert api("get", f"audit/{record_id}", auditor).status_code == 404


def test_an_auditor_of_one_collection_sees_no_other(
    copied: "Ledger", plane: "Control", api: Api
) -> None:
    key = plane.client("photo-auditor", ["audit"], "photos")
    assert api("get", "audit", key).status_code == 404
    assert api("get", "audit?collection=documents", key).status_code == 404
    found = api("get", "audit?collection=photos", key).json()["results"]
    assert {record["collection"] for record in found} == {"photos"}
    other = AuditRecord.objects.filter(kind="req", collection="documents").first()
    mine = AuditRecord.objects.filter(kind="req", collection="photos").first()
    assert other is not None
    assert mine is not None
    assert api("get", f"audit/{other.pk}", key).status_code == 404
    assert api("get", f"audit/{other.pk}?collection=photos", key).status_code == 404
    assert api("get", f"audit/{mine.pk}?collection=photos", key).status_code == 200
    doubled = api("get", f"audit/{other.pk}?collection=documents&collection=photos", key)
    assert doubled.status_code == 404


def test_reading_the_audit_is_itself_recorded(plane: "Control", api: Api, auditor: str) -> None:
    api("get", "audit?collection=photos", auditor)
    (request,) = plane.records("req")
    assert (request["action"], request["collection"]) == ("audit", "photos")
    assert request["resource"] == "audit"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written_through_the_api(
    api: Api, auditor: str, copied: "Ledger", method: str
) -> None:
    before = AuditRecord.objects.count()
    record = AuditRecord.objects.first()
    assert record is not None
    assert api(method, f"audit/{record.pk}", auditor, {}).status_code == 405
    assert AuditRecord.objects.count() == before


def test_searches_use_their_index(auditor: str) -> None:
    """With enough rows, and one of many, no search reads a partition from end to end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO skold_audit (node, leaf_index, at, writer, n, kind, client, collection,"
            " address, request_id, status, outcome, decision, private, body)"
            " SELECT 'n', i, now() + i * interval '1 ms', 'w', i, CASE i % 2 WHEN 0 THEN 'req' ELSE"
            " 'done' END, 'c' || i % 500, 'k' || i % 500, md5((i % 900)::text), 'r' || i,"
            " 100 + i % 400, 'o' || i % 300, CASE i % 400 WHEN 0 THEN 'refuse' ELSE 'allow' END,"
            " '{}', '{}' FROM generate_series(1, 30000) AS i"
        )
        cursor.execute("ANALYZE skold_audit")
        cursor.execute("SELECT skold_audit_partition(now())")
        (partition,) = cursor.fetchone()
    rows = AuditRecord.objects.order_by("-at", "-node", "-leaf_index")
    searches: dict[str, dict[str, Any]] = {
        "client": {"client": "c7"},
        "collection": {"collection": "k7"},
        "address": {"address": "8f14e45fceea167a5a36dedd4bea2543"},
        "request_id": {"request_id": "r77"},
        "status": {"kind": "done", "status": 155},
        "outcome": {"kind": "done", "outcome": "o7"},
        "writer": {"kind": "req", "writer": "w", "n__in": [2, 4]},
        "ref": {"kind": "done", "writer": "w", "ref__in": [2, 4]},
        "leaf": {"node": "n", "leaf_index": 77},
    }
    for name, search in searches.items():
        plan = rows.filter(**search)[:50].explain()
        # The months ahead are empty: reading them whole is right.
        assert f"Seq Scan on {partition}" not in plan, (name, plan)
        assert "Index" in plan, (name, plan)
