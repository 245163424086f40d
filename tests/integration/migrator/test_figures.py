"""The figures of sources that alerts are made of."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contentserver.catalog.models import Collection
from migrator.figures import Figures, gauges
from migrator.models import Alarm, CutOver, Difference, RecordError, Source
from tests.support.declared_sources import declare_source

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def numbers(name: str) -> dict[tuple[str, ...], float]:
    (found,) = [each for each in gauges(NOW) if each[0] == f"contentserver_source_{name}"]
    return {tuple(labels): number for labels, number in found[3]}


def test_without_sources_there_is_nothing_to_publish() -> None:
    assert gauges(NOW) == []


def test_each_source_has_its_own_numbers() -> None:
    photos, papers = declare_source("photos"), declare_source("papers")
    Source.objects.filter(pk="photos").update(
        mode="hybrid", sync_enabled=True, backlog=3, sync_seen_at=NOW - dt.timedelta(seconds=4),
        oldest_change_at=NOW - dt.timedelta(seconds=90), held_back_by={"pid": 7, "age": 33.5},
    )  # fmt: skip
    for number in range(3):
        RecordError.objects.create(source=photos, record=[str(number)], error="torn", last_at=NOW)
        Difference.objects.create(source=photos, kind="different")
    Difference.objects.create(source=photos, kind="different", resolved_at=NOW)
    Alarm.objects.create(source=papers, kind="foreign_change", record=["1"])
    Alarm.objects.create(source=papers, kind="foreign_change", record=["2"], settled_at=NOW)
    modes = {"from_mode": "legacy", "to_mode": "shadow", "asked_by": "test"}
    CutOver.objects.create(source=photos, signed_at=NOW, **modes)
    CutOver.objects.create(source=photos, **modes)
    expected = {
        "failed_records": (3, 0),
        "open_differences": (3, 0),
        "open_alarms": (0, 1),
        "certificates": (1, 0),
        "certificates_waiting": (1, 0),
        "backlog_changes": (3, 0),
        "lag_seconds": (90, 0),
        "sync_silent_seconds": (4, 0),
        "held_back_seconds": (33.5, 0),
    }
    for name, (of_photos, of_papers) in expected.items():
        assert numbers(name) == {("photos",): of_photos, ("papers",): of_papers}, name
    assert numbers("mode") == {("photos", "hybrid"): 1, ("papers", "legacy"): 1}


def test_it_asks_as_often_for_ten_sources_as_for_one() -> None:
    counts = []
    for wanted in (1, 10):
        for number in range(Source.objects.count(), wanted):
            declare_source(f"source-{number}")
        with CaptureQueriesContext(connection) as queries:
            loop = Figures()
            assert loop() is False
        assert loop.facts()["gauges"]
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Collection.objects.count() == 10
