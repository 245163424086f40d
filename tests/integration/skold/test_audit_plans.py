"""Every filter of the audit is answered by an index that ends with the page: the statements that
admin and API really execute are looked at in PostgreSQL's own account of how it ran them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from skold.admin.audit_filters import FILTERS, Heading, PeriodFilter
from skold.api.filters import AuditFilter
from skold.listing.conditions import NAMES
from tests.support.plans import Reading, readings

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

ACCESSES = 12_000
MONTHS = ("2026-08", "2026-09", "2026-10")
FEW = 400
"""Rows that a page may look at: its own, their other halves that share the index, and an index's
last steps in each month. There are 24,000."""

FILL = """
INSERT INTO skold_audit (node, leaf_index, at, writer, n, kind, ref, request_id, plane, method,
    action, decision, reason, client, credential, collection, address, version, status, outcome,
    private, body)
SELECT 'node-1', 2 * i + half, '2026-08-01Z'::timestamptz + i * interval '9 minutes 30 seconds',
    'node-1.' || i / 2000, 2 * i + half, CASE half WHEN 0 THEN 'req' ELSE 'done' END,
    CASE half WHEN 1 THEN 2 * i END, 'r-' || i,
    CASE WHEN i % 3000 = 5 THEN 'control' ELSE 'data' END, 'GET',
    CASE WHEN i % 4000 = 1 THEN 'delete' ELSE 'read' END,
    CASE WHEN i % 100 = 0 THEN 'refuse' ELSE 'allow' END,
    CASE WHEN i % 4000 = 0 THEN 'two_credentials' WHEN i % 100 = 0 THEN 'no_grant'
         ELSE 'granted' END,
    CASE WHEN i < 20 THEN 'rare' WHEN i < 6000 AND i % 2 = 0 THEN 'retired' ELSE 'busy' END,
    'key-' || CASE WHEN i < 20 THEN 'rare' ELSE 'busy' END,
    CASE WHEN i < 20 THEN 'documents' ELSE 'photos' END, md5((i % 500)::text),
    CASE WHEN i < 20 THEN '2019.1' ELSE '2026.1' END,
    CASE half WHEN 1 THEN CASE WHEN i % 5000 = 7 THEN 500 ELSE 200 END END,
    CASE half WHEN 1 THEN CASE WHEN i % 5000 = 7 THEN 'internal_error' ELSE 'served' END END,
    CASE half WHEN 0 THEN jsonb_build_object(
        'end_user', CASE WHEN i % 3 = 0 THEN 'anna' ELSE 'u' || i % 700 END,
        'network', CASE WHEN i % 3 = 0 THEN '192.0.2.1' ELSE '198.51.100.' || i % 200 END)
        ELSE '{}'::jsonb END,
    '{}'
FROM generate_series(0, %s - 1) AS i, (VALUES (0), (1)) AS halves (half)
"""
VALUES: dict[str, list[str]] = {
    "client": ["busy", "retired", "rare", "nobody"],
    "credential": ["key-busy", "key-rare", "none"],
    "end_user": ["anna", "u3", "nobody"],
    "network": ["192.0.2.1", "198.51.100.7", "203.0.113.9"],
    "collection": ["photos", "documents"],
    "key": ["2026/1.jpg"],
    "address": ["eccbc87e4b5ce2fe28308fd9f2a7baf3", "f" * 32],
    "version": ["2026.1", "2019.1", "2099.9"],
    "action": ["read", "delete", "replicate"],
    "decision": ["allow", "refuse"],
    "reason": ["granted", "no_grant", "two_credentials", "never"],
    "status": ["200", "500", "418"],
    "outcome": ["served", "internal_error", "never"],
    "request_id": ["r-77", "never"],
    "plane": ["data", "control"],
    "node": ["node-1", "node-9"],
    "writer": ["node-1.5", "node-1.0", "never"],
    "kind": ["open", "flood", "every"],
}
Get = Callable[[dict[str, str]], Any]


@pytest.fixture
def filled(plane: "Control") -> None:
    from contentserver.catalog.models import Collection

    for name in ("photos", "documents"):
        Collection.objects.get_or_create(name=name)
    with connection.cursor() as cursor:
        for month in MONTHS:
            cursor.execute("SELECT skold_audit_partition(%s)", [f"{month}-10T00:00Z"])
        cursor.execute(FILL.replace("%s", str(ACCESSES)))
        cursor.execute("ANALYZE skold_audit")


@pytest.fixture
def api_get(filled: None, plane: "Control", api: Callable[..., Any]) -> Get:
    key = plane.client("auditor", ["audit"])

    def get(search: dict[str, str]) -> Any:
        given = {**search, "page_size": "50"}
        return api("get", "audit?" + "&".join(f"{n}={v}" for n, v in given.items()), key)

    return get


@pytest.fixture
def admin_get(filled: None) -> Get:
    browser = Browser()
    browser.force_login(User.objects.create_superuser("anna", "anna@example.org", "a password"))
    return lambda search: browser.get(reverse("admin:skold_auditrecord_changelist"), search)


def test_every_filter_of_admin_and_api_is_looked_at_here() -> None:
    shown = {
        f.parameter_name for f in FILTERS if isinstance(f, type) and not issubclass(f, Heading)
    }
    times = [f for f in FILTERS if not isinstance(f, type)]
    assert shown == set(VALUES) == NAMES
    assert times == [("at", PeriodFilter)]
    assert set(AuditFilter.base_filters) == NAMES | {"since", "until"}


TIMES = {
    "admin": {"at_from_0": "2026-09-03", "at_to_0": "2026-09-20"},
    "api": {"since": "2026-09-03T00:00:00Z", "until": "2026-09-20T00:00:00Z"},
}


@pytest.mark.parametrize("place", ["admin", "api"])
def test_a_page_by_one_filter_looks_at_little_more_than_the_page(
    place: str, request: pytest.FixtureRequest
) -> None:
    get: Get = request.getfixturevalue(f"{place}_get")
    problems = []
    for name, values in VALUES.items():
        for value in values:
            for span in ({}, TIMES[place]):
                problems += look(get, {name: value, **span})
    for span in ({}, TIMES[place]):
        problems += look(get, span)
    assert not problems, "\n".join(problems)


def look(get: Get, search: dict[str, str]) -> list[str]:
    """What is wrong with how these pages are read."""
    with CaptureQueriesContext(connection) as queries:
        answer = get(search)
    assert answer.status_code == 200, search
    read = readings(queries.captured_queries)
    if not read and "key" not in search:
        return [f"{search}: no page was read at all"]
    return [f"{search}: {fault}" for one in read for fault in faults(one, "key" in search)]


def faults(one: Reading, windows: bool) -> list[str]:
    """`windows`: of several addresses what lies in one window of time may be sorted."""
    found = []
    if one.looked_at > FEW:
        found.append(f"looks at {one.looked_at} rows: {one.sql}")
    if "Seq Scan" in one.nodes:
        found.append("reads a whole month")
    if one.sorted_whole and not windows:
        found.append("sorts all that matches")
    return found


def test_a_time_leaves_other_months_out(admin_get: Get) -> None:
    with CaptureQueriesContext(connection) as queries:
        admin_get({"client": "rare", **TIMES["admin"]})
    (page,) = [
        q["sql"]
        for q in queries.captured_queries
        if "ORDER BY" in q["sql"] and "'rare'" in q["sql"]
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {page}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "skold_audit_2026_09" in plan
    assert "skold_audit_2026_08" not in plan
    assert "skold_audit_2026_10" not in plan


@pytest.mark.parametrize(
    "search",
    [
        {"client": "busy", "outcome": "internal_error"},
        {"client": "busy", "outcome": "never"},
        {"client": "retired", "status": "200"},
        {"end_user": "anna", "status": "500"},
        {"key": "2026/1.jpg", "decision": "refuse"},
    ],
)
def test_filters_together_are_answered_from_indexes_too(api_get: Get, search: Any) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = api_get(search)
    assert answer.status_code == 200
    read = readings(queries.captured_queries)
    assert read
    assert not any("Seq Scan" in one.nodes for one in read)
    assert sum(one.looked_at for one in read) < 2 * ACCESSES, "some rows were looked at twice"
