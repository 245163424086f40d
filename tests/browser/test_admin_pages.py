"""The admin in a real browser: an auditor finds an access, a secret is on one page only."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error, expect

from skold import services
from skold.journal import Journal
from skold.ledger.copier import Copier
from skold.ledger.sequencer import Sequencer

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from tests.support.plane import Home

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
EVIL = "<img src=x onerror=\"document.title='broken into'\">.jpg"


@pytest.fixture
def accesses(tmp_path: Path) -> None:
    """70 accesses of two clients, copied into PostgreSQL; the last one's key is an attack."""
    from django.db import connection
    from psycopg.conninfo import make_conninfo

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE skold_audit, skold_ledgermark")
    journal = Journal([tmp_path / "journal"], "node-1")
    journal.start()
    for number in range(70):
        asked = {"client": f"client-{number % 2}", "collection": "photos", "decision": "allow"}
        key = EVIL if number == 69 else f"{number}.jpg"
        request = journal.append("req", {**asked, "action": "read"}, {"key": key})
        journal.append("done", {"status": 503 if number == 13 else 200}, ref=request).wait(10)
    journal.close()
    sequencer = Sequencer([tmp_path / "journal"], tmp_path / "ledger", "node-1")
    sequencer.step()
    sequencer.close()
    names = ("dbname", "user", "password", "host", "port")
    params = connection.get_connection_params()
    info = make_conninfo(**{name: params[name] for name in names if params.get(name)})
    copier = Copier(tmp_path / "ledger", "node-1", info)
    copier.step()
    copier.close()


def test_an_auditor_finds_an_access_and_reads_its_story(
    admin: "Page", live_server: "LiveServer", accesses: None
) -> None:
    admin.goto(f"{live_server.url}/admin/skold/auditrecord/")
    rows = admin.locator("#result_list tbody tr")
    expect(rows).to_have_count(50)
    admin.click("text=Older")
    expect(rows).to_have_count(20)
    admin.goto(f"{live_server.url}/admin/skold/auditrecord/")
    admin.click("text=Filters")
    assert admin.locator("text=Show counts").count() == 0
    admin.fill("[name=status]", "503")
    admin.click("text=Apply Filters")
    admin.wait_for_url("**status=503**")
    expect(rows).to_have_count(1)
    admin.click("#result_list a[href*='/change/']")
    admin.wait_for_selector("text=client-1 asked:")
    story = admin.inner_text("#content-main")
    assert "photos / 13.jpg" in story
    assert "It was answered 503" in story


def test_a_key_that_is_html_stays_text(
    admin: "Page", live_server: "LiveServer", accesses: None
) -> None:
    admin.goto(f"{live_server.url}/admin/skold/auditrecord/")
    admin.wait_for_selector("text=onerror=")
    admin.click("#result_list a[href*='/change/'] >> nth=0")
    admin.wait_for_selector("text=personal part >> visible=true")
    assert "onerror=" in admin.inner_text("#content-main")
    assert "broken into" not in admin.title()


def test_a_secret_is_gone_when_the_page_is_left(
    admin: "Page", live_server: "LiveServer", home: "Home"
) -> None:
    services.create_client(actor="test", id="portal", name="Portal")
    admin.goto(f"{live_server.url}/admin/skold/apikey/add/?client=portal")
    admin.click("[name=_save]")
    secret = admin.inner_text("#secret")
    assert secret.startswith("skd_")
    admin.click("text=I have copied it")
    admin.wait_for_selector("#result_list")
    assert secret not in admin.inner_text("body")
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        admin.go_back()
