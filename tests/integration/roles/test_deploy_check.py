"""`check --deploy` says where web processes may write the audit, and which month lacks a guard."""

import datetime as dt
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import RequestFactory

from contentserver.operations.archiving import Finder, mark_due_months, months_due
from skold.archive.checks import check_database_roles
from skold.models import Redaction

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
CONFIG = replace(settings.CONFIG, audit_retention_months=12)


@contextmanager
def _as(groups: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE deploy_check NOLOGIN")
        cursor.execute(f"GRANT {groups} TO deploy_check")
        cursor.execute("SET ROLE deploy_check")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP ROLE deploy_check")


def _months(*days: str) -> None:
    with connection.cursor() as cursor:
        for day in days:
            cursor.execute("SELECT skold_audit_partition(%s)", [f"{day} 12:00+00"])


def test_it_warns_where_one_user_is_all() -> None:
    (warning,) = check_database_roles()
    assert warning.id == "skold.W001"
    assert "superuser" in warning.msg


@pytest.mark.parametrize("group", ["skold_audit_writer", "skold_audit_archiver"])
def test_it_names_the_role_that_is_too_much(group: str) -> None:
    with _as(f"skold_application, {group}"):
        (warning,) = check_database_roles()
    assert group in warning.msg


def test_it_is_silent_where_users_are_apart() -> None:
    _months("2026-11-01")
    with _as("skold_application"):
        assert check_database_roles() == []


@pytest.mark.parametrize(
    "loss",
    [
        "ALTER TABLE skold_audit_2026_11 DISABLE TRIGGER skold_audit_updates",
        "DROP TRIGGER skold_audit_truncates ON skold_audit_2026_11",
    ],
)
def test_a_month_without_its_guard_is_named(loss: str) -> None:
    _months("2026-11-01")
    with connection.cursor() as cursor:
        cursor.execute(loss)
    with _as("skold_application"):
        (warning,) = check_database_roles()
    assert (warning.id, "skold_audit_2026_11" in warning.msg) == ("skold.W002", True)


def test_months_are_due_when_the_retention_has_passed(caplog: pytest.LogCaptureFixture) -> None:
    _months("2025-09-01", "2025-10-31", "2025-11-01", "2026-11-01", "1970-01-01")
    assert months_due(CONFIG, NOW) == ["2025-09", "2025-10"]
    assert months_due(replace(CONFIG, audit_retention_months=0), NOW) == []
    with caplog.at_level(logging.WARNING):
        mark_due_months(CONFIG, NOW)
    assert "audit_months_due" in caplog.text


def test_the_first_page_tells_those_who_can_do_something(settings: object) -> None:
    _months("2020-01-01")
    Redaction.objects.create(kind="end_user", selector={}, reason="case", asked_by="admin:b")
    request = RequestFactory().get("/admin/")
    request.user = User.objects.create_superuser("anna")
    first, second = (look.words for look in Finder(CONFIG)(request))
    assert "2020-01" in first
    assert "1 redaction waits" in second
    request.user = User.objects.create_user("berit")
    assert list(Finder(CONFIG)(request)) == []
