"""What beat does: asks for the next year in December, once, and for nothing else."""

import datetime as dt

import pytest
from django.conf import settings

from contentserver.catalog.models import LayoutRequest, Year
from contentserver.celery import app
from contentserver.operations.opening import request_next_year

pytestmark = pytest.mark.django_db

IN_DECEMBER = dt.date(2026, 12, 1)


@pytest.fixture
def this_year() -> Year:
    return Year.objects.create(year=2026, root="root-7", state="open", layout_number=1)


def test_it_asks_for_the_next_year_on_this_years_root(this_year):
    assert request_next_year(actor="beat", today=IN_DECEMBER) == "asked for 2027 on root-7"
    request = LayoutRequest.objects.get()
    assert (request.year, request.root, request.requested_by) == (2027, "root-7", "beat")


def test_it_asks_once_however_often_it_runs(this_year):
    for _time in range(3):
        request_next_year(actor="beat", today=IN_DECEMBER)
    assert LayoutRequest.objects.count() == 1


def test_it_asks_for_nothing_before_december(this_year):
    request_next_year(actor="beat", today=dt.date(2026, 11, 30))
    assert not LayoutRequest.objects.exists()


def test_it_asks_for_nothing_when_the_next_year_is_open(this_year):
    Year.objects.create(year=2027, root="root-8", state="open", layout_number=2)
    request_next_year(actor="beat", today=IN_DECEMBER)
    assert not LayoutRequest.objects.exists()


def test_it_opens_no_year_that_a_wrong_clock_has_begun(this_year):
    request_next_year(actor="beat", today=dt.date(2027, 12, 1))
    assert not LayoutRequest.objects.exists()


def test_every_task_of_beats_timetable_exists():
    app.loader.import_default_modules()
    named = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert named == {
        "contentserver.tasks.expire_uploads",
        "contentserver.tasks.open_next_year",
        "contentserver.tasks.clear_sessions",
        "contentserver.tasks.mark_due_months",
        "contentserver.tasks.verify_audit",
        "skold.tasks.judge_audit",
        "migrator.tasks.sync_sources",
    }
    assert named <= set(app.tasks)
