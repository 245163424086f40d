"""System checks and headers of the control plane."""

import dataclasses
import os
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client, RequestFactory

from contentserver import checks
from contentserver.middleware import DatabaseDownMiddleware
from tests.support.plane import REPOSITORY


def test_everything_is_in_order():
    call_command("check", fail_level="WARNING")


def test_it_says_what_to_do_without_a_secret_key(monkeypatch):
    monkeypatch.delenv("DJANGO_SECRET_KEY")
    (found,) = checks.check_secret_key()
    assert found.id == "contentserver.E001"
    assert "manage.py initialise" in found.hint


def test_it_warns_of_secrets_that_others_can_read(settings, tmp_path):
    settings.CONFIG = dataclasses.replace(settings.CONFIG, home=tmp_path)
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    assert checks.check_home_is_private() == []
    secrets.chmod(0o750)
    (found,) = checks.check_home_is_private()
    assert found.id == "contentserver.W001"
    assert found.hint == f"chmod 700 {secrets}"


def test_it_refuses_two_names_of_one_root(settings, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "root")
    roots = (tmp_path / "root", tmp_path / "link")
    settings.CONFIG = dataclasses.replace(settings.CONFIG, roots=roots)
    (found,) = checks.check_roots()
    assert found.id == "contentserver.E002"


def test_it_asks_for_collected_files_where_a_folder_for_them_is_named(settings, tmp_path):
    settings.CONFIG = dataclasses.replace(settings.CONFIG, static=tmp_path)
    (found,) = checks.check_static()
    assert found.id == "contentserver.E003"
    assert "manage.py collectstatic" in found.hint
    (tmp_path / "staticfiles.json").write_text("{}")
    assert checks.check_static() == []


def test_it_answers_an_unreachable_database_with_503_and_when_to_come_back():
    middleware = DatabaseDownMiddleware(lambda _request: None)
    request = RequestFactory().get("/")
    answer = middleware.process_exception(request, OperationalError("gone"))
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"] == "application/problem+json"
    assert middleware.process_exception(request, ValueError("ours")) is None


@pytest.mark.django_db
def test_it_puts_a_callers_request_id_into_the_answer_if_it_is_well_formed():
    client = Client()
    assert client.get("/", headers={"X-Request-Id": "a-1.b_2"})["X-Request-Id"] == "a-1.b_2"
    for forged in ("", "a b", "x" * 65, "a;b"):
        given = client.get("/", headers={"X-Request-Id": forged})["X-Request-Id"]
        assert given != forged
        assert len(given) == 36


@pytest.mark.django_db
def test_it_protects_every_page():
    answer = Client().get("/")
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "object-src 'none'" in answer["Content-Security-Policy"]


def test_it_wants_tls_where_its_address_says_so():
    environment = {**os.environ, "CONTENTSERVER_URL": "https://files.example"}
    names = "SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_SSL_REDIRECT SECURE_HSTS_SECONDS"
    code = (
        f"from contentserver import settings as s; print([getattr(s, n) for n in {names.split()}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[True, True, True, 31536000]"
