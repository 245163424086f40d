"""Legacy's tables are given up last of all, and what is printed does it."""

import datetime as dt
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from migrator.legacy import capture
from migrator.legacy.description import Kind
from migrator.models import CutOver, DailyReads, Source
from migrator.retire import QUIET_DAYS, obstacles, retire_sql
from tests.support.legacy import LegacyTables

pytestmark = pytest.mark.django_db

TODAY = dt.datetime.now(dt.UTC).date()


def names(source: Source) -> set[str]:
    return {obstacle.name for obstacle in obstacles(source, TODAY)}


@pytest.fixture
def source(legacy_url: str) -> Source:
    with LegacyTables(legacy_url) as tables:
        description = tables.description.to_mapping()
    return Source.objects.create(name="photos", description=description, mode="disk", final=True)


def enter_disk(source: Source, days: int, *, signed: bool = True) -> None:
    """As if the source had been in mode disk for so many days."""
    made = CutOver.objects.create(
        source=source, from_mode="writeback", to_mode="disk", asked_by="test",
        signed_at=timezone.now() if signed else None,
    )  # fmt: skip
    then = timezone.now() - dt.timedelta(days=days)
    CutOver.objects.filter(pk=made.pk).update(asked_at=then)


def test_while_no_backup_is_known_nothing_is_ever_printed(source: Source) -> None:
    enter_disk(source, QUIET_DAYS + 1)
    assert names(source) == {"no_backup"}
    out = StringIO()
    with pytest.raises(CommandError, match="verified backup"):
        call_command("legacy_retire", "photos", stdout=out)
    assert out.getvalue() == ""


def test_each_obstacle_is_named(source: Source) -> None:
    assert {"no_certificate", "too_early"} <= names(source)
    enter_disk(source, QUIET_DAYS - 1, signed=False)
    assert {"no_certificate", "too_early"} <= names(source)
    CutOver.objects.update(signed_at=timezone.now())
    assert "no_certificate" not in names(source)
    enter_disk(source, QUIET_DAYS + 1)
    Source.objects.update(final=False)
    assert "not_final" in names(Source.objects.get())


@pytest.mark.parametrize("figure", ["from_legacy", "imported", "unchecked"])
def test_one_answer_of_legacy_in_thirty_days_is_one_too_many(source: Source, figure: str) -> None:
    enter_disk(source, QUIET_DAYS + 1)
    DailyReads.objects.create(
        source=source, day=TODAY - dt.timedelta(days=QUIET_DAYS + 1), **{figure: 1}
    )
    assert names(source) == {"no_backup"}
    DailyReads.objects.create(
        source=source, day=TODAY - dt.timedelta(days=QUIET_DAYS), **{figure: 1}
    )
    assert names(source) == {"no_backup", "reads"}


@pytest.mark.parametrize("kind", ["chunks", "bytea", "large_object"])
def test_what_is_printed_frees_the_content_and_keeps_the_records(
    legacy_url: str, kind: Kind
) -> None:
    with LegacyTables(legacy_url, kind=kind) as tables:
        capture.install(tables.connection, tables.description)
        tables.put(1, b"content")
        objects = "SELECT count(*) FROM pg_largeobject_metadata"
        before = tables.execute(objects).fetchone()
        for statement in retire_sql(tables.description):
            tables.connection.execute(statement)
        assert tables.execute("SELECT count(*) FROM {photo}").fetchone() == (1,)
        with pytest.raises((psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable)):
            tables.content(1)
        after = tables.execute(objects).fetchone()
        assert before is not None
        assert after == (before[0] - (kind == "large_object"),)
        missing = capture.status(tables.connection, tables.description)
        assert not missing.log
        tables.execute("UPDATE {photo} SET filename = 'still used'")
