"""The migrator's pages: each to whom it is allowed, each act recorded, nothing asked of legacy."""

import datetime as dt
import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from migrator.models import Alarm, Application, CutOver, Difference, RecordError, Source
from tests.support.catalog import Library
from tests.support.declared_sources import declare_source
from tests.support.records import records as recorded

pytestmark = pytest.mark.django_db
LISTS = ["source", "recorderror", "difference", "alarm", "verification", "cutover"]
INDEX = "/admin/"


@pytest.fixture
def source(library: Library) -> Source:
    source = declare_source("photos")
    now = timezone.now()
    Source.objects.filter(pk=source.pk).update(sync_enabled=True, sync_seen_at=now)
    RecordError.objects.create(
        source=source, record=["17"], key="17.png", error="torn", detail="<b>", last_at=now
    )
    Alarm.objects.create(source=source, kind="foreign_change", record=["4"], key="4.png")
    Application.objects.create(source=source, name="office", writes=True)
    source.refresh_from_db()
    return source


def allowed(user: User, *permissions: str) -> Client:
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def url(source: Source, act: str = "change") -> str:
    return reverse(f"admin:migrator_source_{act}", args=[source.pk])


def progress(browser: Client, source: Source, **query: Any) -> dict[str, Any]:
    answer = browser.get(url(source, "progress"), query)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["cache-control"]
    found: dict[str, Any] = json.loads(answer.content)
    return found


@pytest.mark.parametrize(
    ("counted", "word"),
    [({"equal": 3}, "no difference"), ({"equal": 4, "missing_there": 1}, "differences")],
)
def test_what_is_on_its_way_is_no_difference(
    browser: Client, source: Source, counted: dict[str, int], word: str
) -> None:
    source.verifications.create(finished_at=timezone.now(), compared=5, **counted)
    labels = re.findall(r"<span[^>]*>\s*(no difference|differences)\s*</span>",
                        browser.get(url(source)).content.decode())  # fmt: skip
    assert labels == [word]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_renders(browser: Client, source: Source, name: str) -> None:
    Difference.objects.create(source=source, kind="different", key="1.png")
    source.verifications.create()
    CutOver.objects.create(source=source, from_mode="legacy", to_mode="shadow", asked_by="x")
    answer = browser.get(reverse(f"admin:migrator_{name}_changelist"))
    assert answer.status_code == 200
    assert "photos" in answer.content.decode()


def test_the_page_of_a_source_shows_names_from_legacy_as_text(
    browser: Client, source: Source
) -> None:
    page = browser.get(url(source)).content.decode()
    assert "torn" in page
    assert "&lt;b&gt;" in page
    assert "office" in page


@pytest.mark.parametrize(
    ("records", "finished", "shown"),
    [((0, 0), False, 0), ((150, 300), False, 50), ((300, 300), False, 99),
     ((500, 300), False, 99), ((290, 300), True, 100)],
)  # fmt: skip
def test_one_hundred_percent_means_that_the_backfill_has_ended(
    browser: Client, source: Source, records: tuple[int, int], finished: bool, shown: int
) -> None:
    looked, estimated = records
    Source.objects.filter(pk=source.pk).update(
        backfill_records=looked, records_estimated=estimated,
        backfill_finished_at=timezone.now() if finished else None,
    )  # fmt: skip
    assert progress(browser, source)["percent"] == shown


def test_the_speed_is_that_since_the_last_look(browser: Client, source: Source) -> None:
    Source.objects.filter(pk=source.pk).update(files_imported=120, bytes_imported=10_240_000)
    at = (timezone.now() - dt.timedelta(seconds=10)).timestamp()
    figures = progress(browser, source, at=at, files=20, bytes=0)["figures"]
    assert figures["files"][0] == "120"
    assert float(figures["files"][1].split()[0]) == pytest.approx(10, rel=0.1)
    assert progress(browser, source, at="soon", files="-", bytes="")["figures"]["files"][1] == ""


def test_who_may_not_see_sources_sees_none(staff: User, source: Source) -> None:
    stranger = allowed(staff)
    for act in ("change", "progress"):
        assert stranger.get(url(source, act)).status_code == 403
    assert "photos" not in stranger.get(INDEX).content.decode()


def test_who_may_only_look_has_no_buttons_and_cannot_act(staff: User, source: Source) -> None:
    looker = allowed(staff, "view_source")
    page = looker.get(url(source)).content.decode()
    for button in ("Pause sync", "Try again", "Take legacy", "Mark switched", "Verify now"):
        assert button not in page
    for act in ("pause", "resume", "try_again", "switched", "not_switched", "decide", "verify"):
        assert looker.post(url(source, act)).status_code == 403, act
    source.refresh_from_db()
    assert source.sync_enabled


def test_an_act_is_no_link(browser: Client, source: Source) -> None:
    assert browser.get(url(source, "pause")).status_code == 405
    source.refresh_from_db()
    assert source.sync_enabled


def test_each_act_does_what_its_button_says(browser: Client, source: Source) -> None:
    browser.post(url(source, "pause"))
    source.refresh_from_db()
    assert not source.sync_enabled
    browser.post(url(source, "resume"))
    source.refresh_from_db()
    assert source.sync_enabled

    error = RecordError.objects.get()
    browser.post(url(source, "try_again"), {"error": error.pk})
    error.refresh_from_db()
    assert error.retry_at is not None
    assert error.retry_at <= timezone.now()

    office = Application.objects.get()
    browser.post(url(source, "switched"), {"application": office.pk})
    office.refresh_from_db()
    assert (office.switched_by, office.switched_at is None) == ("admin:admin", False)
    browser.post(url(source, "not_switched"), {"application": office.pk})
    office.refresh_from_db()
    assert (office.switched_by, office.switched_at) == ("", None)


def test_an_alarm_is_decided_once(browser: Client, source: Source) -> None:
    alarm = Alarm.objects.get()
    browser.post(url(source, "decide"), {"alarm": alarm.pk, "decision": "burn both"})
    alarm.refresh_from_db()
    assert alarm.decision == ""
    browser.post(url(source, "decide"), {"alarm": alarm.pk, "decision": "keep_ours"})
    answer = browser.post(
        url(source, "decide"), {"alarm": alarm.pk, "decision": "take_legacy"}, follow=True
    )
    assert "decided already" in answer.content.decode()
    alarm.refresh_from_db()
    assert (alarm.decision, alarm.decided_by) == ("keep_ours", "admin:admin")


def test_the_audit_names_each_act_and_leaves_out_the_refreshing(
    browser: Client, source: Source, library: Library
) -> None:
    progress(browser, source)
    browser.post(url(source, "pause"))
    allowed(User.objects.get(username="admin")).logout()
    assert Client().get(url(source, "progress")).status_code == 302
    asked = [body.get("resource") for body in recorded(library.home) if body["kind"] == "req"]
    assert asked == ["migrator_source_pause:photos", "migrator_source_progress:photos"]


def test_a_certificate_is_downloaded_as_it_was_signed(
    browser: Client, source: Source, staff: User
) -> None:
    facts = {"from_mode": "legacy", "to_mode": "shadow", "asked_by": "command:anna"}
    unsigned = CutOver.objects.create(source=source, **facts)
    signed = CutOver.objects.create(source=source, certificate={"payload": {"a": "ü"}}, **facts)
    where = "admin:migrator_cutover_certificate"
    answer = browser.get(reverse(where, args=[signed.pk]))
    assert json.loads(answer.content) == signed.certificate
    assert answer.headers["content-disposition"].startswith('attachment; filename="photos-shadow-')
    assert browser.get(reverse(where, args=[unsigned.pk])).status_code == 404
    assert allowed(staff, "view_source").get(reverse(where, args=[signed.pk])).status_code == 403


def test_the_first_page_leads_to_sources_that_need_a_look(browser: Client, source: Source) -> None:
    page = browser.get(INDEX).content.decode()
    for words in ("an alarm waits", "legacy records cannot be imported"):
        assert f"photos: {words}" in page
    assert f'href="{url(source)}"' in page
    assert "gives no sign" not in page
    RecordError.objects.all().delete()
    Alarm.objects.update(decision="keep_ours")
    Source.objects.update(sync_seen_at=timezone.now() - dt.timedelta(minutes=6))
    page = browser.get(INDEX).content.decode()
    assert "photos: the sync gives no sign" in page
    assert "an alarm waits" not in page


def test_the_gates_stand_there_as_the_database_knows_them(browser: Client, source: Source) -> None:
    Source.objects.update(mode="shadow", backlog=3, held_back_by={
        "pid": 4711, "application": "nightly export", "age": 3000,
    })  # fmt: skip
    answer = browser.get(url(source))
    forward, back = answer.context["ways"]
    assert forward.command == "manage.py cutover photos --to hybrid"
    assert back.command == "manage.py cutover photos --rollback"
    states = {line.text: (line.state, line.words) for line in forward.lines}
    assert states["No change from before the horizon waits in the change log"] == (
        "not_met",
        "found: 3; wanted: 0",
    )
    assert states["Triggers are installed and enabled"][0] == "asked_later"
    page = answer.content.decode()
    assert "nightly export, process 4711, 50 min old" in page
    assert "cutover photos --to hybrid" in page


def test_what_cannot_be_written_back_is_not_for_a_person_to_decide(
    browser: Client, source: Source
) -> None:
    Alarm.objects.update(kind="write_back_failed", detail="NotNullViolation")
    page = browser.get(url(source)).content.decode()
    assert "NotNullViolation" in page
    assert "Keep ours" not in page
    alarm = Alarm.objects.get()
    browser.post(url(source, "decide"), {"alarm": alarm.pk, "decision": "keep_ours"})
    alarm.refresh_from_db()
    assert alarm.decision == ""
    assert "cannot be written back" in browser.get(INDEX).content.decode()


@pytest.mark.parametrize(("mode", "synchronised"), [("hybrid", True), ("writeback", False)])
def test_sync_has_a_button_where_it_has_something_to_do(
    browser: Client, source: Source, mode: str, synchronised: bool
) -> None:
    Source.objects.update(mode=mode)
    assert ("Pause sync" in browser.get(url(source)).content.decode()) is synchronised
