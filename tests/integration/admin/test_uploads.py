"""Uploads in progress, as those who run the server see them: pages, metrics, rows."""

import time
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from contentserver.catalog.staged import UploadInProgress
from contentserver.operations.extensions import registered
from contentserver.operations.uploads import UploadsLoop, figures_of, record_uploads
from contentserver.store.metadata import Metadata
from contentserver.store.results import StagedUpload, StagingSurvey
from skold.roles import OPERATOR
from tests.support.catalog import Library

pytestmark = pytest.mark.django_db
LIST = "admin:contentserver_uploadinprogress_changelist"
HOUR = 3600 * 10**9


def upload(**facts) -> StagedUpload:
    now = time.time_ns()
    known = {
        "id": uuid4(), "root": "root-1", "client": "portal", "collection": "photos",
        "length": 1000, "offset": 250, "held": 4096, "commit_auto": False, "refused": False,
        "created_at_ns": now - HOUR, "expires_at_ns": now + HOUR,
    }  # fmt: skip
    return StagedUpload(**(known | facts))


ALL = [
    upload(client="receiving-one"),
    upload(client="deferred-one", length=None),
    upload(client="complete-one", offset=1000),
    upload(client="waiting-one", offset=1000, commit_auto=True, expires_at_ns=HOUR),
    upload(client="refused-one", offset=1000, commit_auto=True, refused=True),
    upload(client="expired-one", expires_at_ns=time.time_ns() - HOUR),
]
STATES = {
    "receiving": {"receiving-one", "deferred-one"},
    "complete": {"complete-one", "waiting-one"},
    "refused": {"refused-one"},
    "expired": {"expired-one"},
}


def text_of(browser: Client, **query: str) -> str:
    answer = browser.get(reverse(LIST), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_says_who_sends_what_where_and_how_far_it_is(browser: Client) -> None:
    record_uploads("node-1", [upload()])
    text = text_of(browser)
    for shown in ("portal", "photos", "25 %", "250 bytes of 1000 bytes", "receiving"):
        assert shown in text, shown
    assert "in 59" in text or "in 1\N{NO-BREAK SPACE}hour" in text


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_found_and_is_the_one_that_is_shown(browser: Client, state: str) -> None:
    record_uploads("node-1", ALL)
    answer = browser.get(reverse(LIST), {"state": state})
    rows = list(answer.context["cl"].result_list)
    assert {row.client for row in rows} == STATES[state]
    assert {row.state for row in rows} == {state}


def test_its_page_shows_facts_and_lets_nobody_change_them(browser: Client) -> None:
    record_uploads("node-1", [ALL[0]])
    url = reverse("admin:contentserver_uploadinprogress_change", args=[ALL[0].id])
    text = browser.get(url).content.decode()
    for shown in (str(ALL[0].id), "receiving-one", "receiving", "by its client"):
        assert shown in text, shown
    assert "State." not in text
    assert browser.post(url, {"client": "mine"}).status_code == 403


def test_the_first_page_says_how_much_they_hold(browser: Client) -> None:
    def figures() -> dict[str, str]:
        shown = browser.get("/admin/").context["figures"]["numbers"]
        return {figure.name: f"{figure.value} {figure.words}" for figure in shown}

    assert "Uploads in progress" not in figures()
    record_uploads("node-1", [upload(held=2048), upload(held=1024)])
    found = figures()["Uploads in progress"]
    assert found == "2 not committed yet; they hold 3.0 KB"


def test_operators_see_it_and_others_do_not(staff: User, library: Library) -> None:
    client = Client()
    client.force_login(staff)
    assert client.get(reverse(LIST)).status_code == 403
    staff.groups.add(Group.objects.get(name=OPERATOR))
    assert client.get(reverse(LIST)).status_code == 200


def test_rows_follow_the_disk(library: Library) -> None:
    loop = UploadsLoop(library.store, "node-1")
    metadata = Metadata(collection="photos", key="a person's name")
    with library.store.create_upload(actor="t", metadata=metadata, length=9) as one:
        one.write(b"four")
        one.end_part()
        assert loop() is False
        row = UploadInProgress.objects.get()
        assert (row.pk, row.client, row.offset, row.length) == (one.id, "t", 4, 9)
        one.write(b"+more")
        one.end_part()
        loop()
        assert UploadInProgress.objects.get().offset == 9
        one.commit(actor="t")
    loop()
    assert not UploadInProgress.objects.exists()
    assert "a person's name" not in str(UploadInProgress.objects.values())


def test_the_bridge_looks_each_fifteen_seconds() -> None:
    assert {plan.name: plan.interval for plan in registered().loops}["uploads"] == 15.0


def test_each_node_keeps_its_own_rows() -> None:
    record_uploads("node-1", [ALL[0]])
    record_uploads("node-2", [ALL[1]])
    record_uploads("node-1", [])
    assert [row.client for row in UploadInProgress.objects.all()] == ["deferred-one"]


def test_metrics_count_what_there_is(library: Library) -> None:
    survey = StagingSurvey(uploads=ALL, receipts=7, unreadable=1, held=12345)
    now = min(each.created_at_ns for each in ALL) + HOUR
    figures = {name: value for name, _, value in figures_of(survey, now)}
    assert figures.pop("contentserver_uploads_oldest_age_seconds") == pytest.approx(3600)
    assert figures == {
        "contentserver_uploads_in_progress": 6,
        "contentserver_uploads_held_bytes": 12345,
        "contentserver_uploads_overdue": 1,
        "contentserver_uploads_waiting": 1,
        "contentserver_uploads_refused": 1,
        "contentserver_uploads_receipts": 7,
        "contentserver_uploads_unreadable": 1,
    }


def test_metrics_go_on_where_rows_cannot_be_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OSError("PostgreSQL is away")

    monkeypatch.setattr("contentserver.operations.uploads.record_uploads", away)
    loop = UploadsLoop(library.store, "node-1")
    metadata = Metadata(collection="photos", key="k")
    with library.store.create_upload(actor="t", metadata=metadata, length=9):
        with pytest.raises(OSError, match="away"):
            loop()
        gauges = {gauge[0]: gauge[3][0][1] for gauge in loop.facts()["gauges"]}
    assert gauges["contentserver_uploads_in_progress"] == 1
