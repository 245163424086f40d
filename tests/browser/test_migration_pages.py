"""The page of a source in a real browser: it refreshes itself until everything was looked at."""

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from contentserver.catalog.models import Collection
from migrator.demo.source import TOML
from migrator.models import Alarm, Application, CutOver, DailyReads, RecordError, Source
from migrator.services.exchange import import_source
from skold.services import create_client

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def source(transactional_db: None) -> Source:
    """Half way through its backfill, with something of everything."""
    now = timezone.now()
    Collection.objects.create(name="photos")
    create_client(actor="test", id="legacy-photos", name="Old pages")
    source = import_source(actor="test", text=TOML)
    Source.objects.filter(pk=source.pk).update(
        mode="shadow", records_estimated=300, backfill_records=150, files_imported=148,
        bytes_imported=7_700_000, backfill_started_at=now - dt.timedelta(seconds=30),
        sync_seen_at=now, backlog=2, oldest_change_at=now - dt.timedelta(seconds=4),
    )  # fmt: skip
    source.refresh_from_db()
    RecordError.objects.create(
        source=source, record=["17"], key="17.png", error="chunk_missing",
        detail="piece 2 of 3 is missing", last_at=now,
    )  # fmt: skip
    Alarm.objects.create(
        source=source, kind="foreign_change", record=["4"], key="4.png", detail="changed in legacy"
    )
    CutOver.objects.create(
        source=source, from_mode="legacy", to_mode="shadow", asked_by="command:anna",
        statement={}, certificate={"payload": {}}, signed_at=now,
    )  # fmt: skip
    DailyReads.objects.create(source=source, day=now.date(), from_legacy=812, compared=80)
    return source


def test_it_reaches_one_hundred_percent_by_itself(
    admin: "Page", live_server: "LiveServer", source: Source
) -> None:
    admin.goto(f"{live_server.url}/admin/migrator/source/photos/change/")
    percent = admin.locator("[data-progress=percent]")
    expect(percent).to_have_text("50 %")
    Source.objects.filter(pk=source.pk).update(
        backfill_records=300, files_imported=299, backfill_finished_at=timezone.now()
    )
    expect(percent).to_have_text("100 %", timeout=10_000)
    expect(admin.locator("[data-progress=files-value]")).to_have_text("299")
    bar = admin.locator("[data-progress=bar]")
    assert bar.evaluate("bar => bar.style.width") == "100%"


def test_a_person_decides_an_alarm_and_marks_an_application(
    admin: "Page", live_server: "LiveServer", source: Source
) -> None:
    admin.goto(f"{live_server.url}/admin/migrator/source/photos/change/")
    admin.click("text=Keep ours")
    admin.wait_for_selector("text=Decided.")
    assert Alarm.objects.get().decision == "keep_ours"
    admin.click("text=Mark switched >> nth=1")
    admin.wait_for_selector("text=photo-office uses this server")
    application = Application.objects.get(name="photo-office")
    assert application.switched_by == "admin:anna"
    admin.click("text=Pause sync")
    admin.wait_for_selector("text=Paused.")
    source.refresh_from_db()
    assert not source.sync_enabled
