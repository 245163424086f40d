"""The review in a real browser: an auditor finds a refused access, gives a verdict, exports it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone
from playwright.sync_api import expect

from contentserver import control, runtime
from contentserver.checkpoint_keys import open_checkpointer, verifiers
from skold.control import parts
from skold.journal import Journal
from skold.ledger.sequencer import Sequencer
from skold.models import Finding
from skold.review.judge import judge
from skold.roles import AUDITOR, OPERATOR, ROLES, grant_role
from skold.verifier import verify_audit
from tests.support.audit_rows import AuditRows

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from tests.support.plane import Home

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "a good password"
CONTRACT = {"collection": "documents", "address": "cd" * 16}


@pytest.fixture
def kiosk(page: "Page", home: "Home") -> Iterator["Home"]:
    """Twelve refusals of a kiosk and some good accesses: in the ledger, signed, copied, judged."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE skold_audit, skold_ledgermark")
    control.install(home.config)
    journal = Journal(home.config.journal_dirs, home.config.node)
    journal.start()
    for number in range(20):
        refused = number < 12
        asked = {
            "id": f"r-{number}",
            "plane": "data",
            "method": "GET",
            "action": "read",
            "client": "kiosk" if refused else "portal",
            "credential": f"key-{refused}",
            "decision": "refuse" if refused else "allow",
            "reason": "no_grant" if refused else "granted",
            **CONTRACT,
        }
        request = journal.append("req", asked, {"key": "contract.pdf", "network": "10.1.2.3"})
        ended = {"status": 404 if refused else 200, "outcome": "served", "bytes": 9}
        journal.append("done", ended, ref=request).wait(10)
    journal.close()
    reading = runtime.data_keyset(home.config)
    checkpointer = open_checkpointer(home.config, reading, runtime.bridge_keyset(home.config))
    folders, ledger = home.config.journal_dirs, home.config.ledger
    sequencer = Sequencer(folders, ledger, home.config.node, checkpointer=checkpointer)
    sequencer.step()
    sequencer.close()
    AuditRows(home.config.node).load(ledger)
    judge(timezone.now())
    yield home
    parts.shut()


def enter(page: "Page", live_server: "LiveServer", name: str, role: str) -> None:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    grant_role(apps, role, ROLES[role])
    user.groups.add(Group.objects.get(name=role))
    page.goto(f"{live_server.url}/admin/login/?next=/admin/")
    page.fill("#id_username", name)
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")


def test_an_auditor_finds_reviews_and_exports_a_refusal(
    page: "Page", live_server: "LiveServer", kiosk: "Home", tmp_path: Path
) -> None:
    enter(page, live_server, "eva", AUDITOR)
    page.click("#nav-sidebar-apps >> text=Accesses")
    page.click("text=Filters")
    page.select_option("[name=decision]", "refuse", force=True)
    page.click("text=Apply Filters")
    page.wait_for_url("**decision=refuse**")
    expect(page.locator("#result_list tbody tr")).to_have_count(12)
    page.click("#nav-sidebar-apps >> text=Findings")
    page.click("#result_list a:has-text('was refused 12 times')")
    page.select_option("[name=verdict]", "watched")
    page.fill("[name=comment]", "The kiosk shows a wrong link; its supplier knows.")
    page.click("text=Give this verdict")
    page.wait_for_selector("text=Your verdict stands")
    assert Finding.objects.get(rule="refusals").verdict == "watched"
    page.click("text=Export with proofs")
    expect(page.locator("#content-main")).to_contain_text("24 records")
    with page.expect_download() as download:
        page.click("#content-main [type=submit]")
    archive = tmp_path / "audit.zip"
    download.value.save_as(archive)
    (key,) = verifiers(kiosk.config, runtime.data_keyset(kiosk.config))
    command = [sys.executable, verify_audit.__file__, str(archive), "--key", str(key)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_an_auditor_cannot_open_the_file_he_reads_about(
    page: "Page", live_server: "LiveServer", kiosk: "Home"
) -> None:
    enter(page, live_server, "eva", AUDITOR)
    page.goto(f"{live_server.url}/admin/skold/auditrecord/file/?address={'cd' * 16}")
    expect(page.locator("#content-main")).to_contain_text("contract.pdf", timeout=15_000)
    links = page.locator("#content-main a").evaluate_all("all => all.map(a => a.href)")
    assert links
    assert not [link for link in links if "/v1/" in link or "contentserver/file" in link]
    answer = page.goto(f"{live_server.url}/admin/contentserver/file/")
    assert answer is not None
    assert answer.status == 403


def test_an_operator_does_not_get_in(
    page: "Page", live_server: "LiveServer", kiosk: "Home"
) -> None:
    enter(page, live_server, "olle", OPERATOR)
    assert page.locator("#nav-sidebar-apps >> text=Findings").count() == 0
    finding = Finding.objects.get(rule="refusals").pk
    for path in ("auditrecord/", "auditrecord/dashboard/", f"finding/{finding}/change/"):
        answer = page.goto(f"{live_server.url}/admin/skold/{path}")
        assert answer is not None
        assert answer.status == 403, path
