"""A real Chromium, where the machine has one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import connections

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from tests.support.plane import Home

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]


@contextmanager
def chromium() -> Iterator["Page"]:
    """A page of a fresh profile; the test fails where a script of the page failed.

    Skips, and says why, where no Chromium is on the PATH.
    """
    from playwright.sync_api import sync_playwright

    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip("no Chromium on the PATH: the pages were not looked at in a real browser")
    errors: list[str] = []
    with sync_playwright() as driver:
        flags = [*FLAGS, "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=found, args=flags)
        opened = browser.new_page(viewport={"width": 1400, "height": 900})
        opened.on("pageerror", lambda error: errors.append(str(error)))
        yield opened
        browser.close()
    assert errors == []


@pytest.fixture
def page(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator["Page"]:
    """Over the database of the test."""
    # Playwright runs an event loop in this thread. The test's own queries may run beside it, but
    # Django keeps connections of their own for them, which nobody else would close.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with chromium() as opened:
        yield opened
        connections.close_all()


@pytest.fixture
def admin(page: "Page", live_server: "LiveServer", home: "Home") -> Iterator["Page"]:
    """Signed in, with the control plane of a home behind it."""
    from django.contrib.auth.models import User

    from contentserver import control
    from skold.control import parts

    control.install(home.config)
    User.objects.create_superuser("anna", "anna@example.org", "a good password")
    page.goto(f"{live_server.url}/admin/login/?next=/admin/")
    page.fill("#id_username", "anna")
    page.fill("#id_password", "a good password")
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")
    yield page
    parts.shut()
