"""The last step of a migration: the SQL that frees legacy's tables. Printed, never run here."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Sum
from django.utils.translation import gettext as _

from migrator.legacy import capture
from migrator.legacy.description import Description
from migrator.legacy.identifiers import quote, quote_table
from migrator.models import CutOver, DailyReads, Source

QUIET_DAYS = 30


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the tables may not go yet. `name` is stable."""

    name: str
    text: str


def obstacles(source: Source, today: dt.date) -> list[Obstacle]:
    """What speaks against it; empty if nothing does. `today` in UTC. Raises django.db.Error."""
    return [*_certificate(source), *_reads(source, today), *_backup()]


def _certificate(source: Source) -> Iterator[Obstacle]:
    if not (source.mode == Source.Mode.DISK and source.final):
        text = _("Disk was not declared final: manage.py cutover %(name)s --to disk --final")
        yield Obstacle("not_final", text % {"name": source.name})
    signed = CutOver.objects.filter(source=source, to_mode=Source.Mode.DISK)
    if not signed.filter(signed_at__isnull=False).exists():
        yield Obstacle("no_certificate", _("There is no signed certificate of the mode disk."))


def _reads(source: Source, today: dt.date) -> Iterator[Obstacle]:
    """Whole days of mode disk, and none with an answer that legacy had a part in."""
    begin = today - dt.timedelta(days=QUIET_DAYS)
    entered = CutOver.objects.filter(source=source, to_mode=Source.Mode.DISK)
    last = entered.exclude(from_mode=Source.Mode.DISK).order_by("-asked_at").first()
    if last is None or last.asked_at.astimezone(dt.UTC).date() > begin:
        text = _("The source has not been in mode disk for %(days)d days.")
        yield Obstacle("too_early", text % {"days": QUIET_DAYS})
    sums = DailyReads.objects.filter(source=source, day__gte=begin).aggregate(
        from_legacy=Sum("from_legacy"), imported=Sum("imported"), unchecked=Sum("unchecked")
    )
    if count := sum(value or 0 for value in sums.values()):
        text = _("Legacy had a part in %(count)d answers of the last %(days)d days.")
        yield Obstacle("reads", text % {"count": count, "days": QUIET_DAYS})


def _backup() -> Iterator[Obstacle]:
    """This server knows of no backup that it could ask whether every file is in it."""
    yield Obstacle(
        "no_backup",
        _("No file is known to be in a verified backup. Until this server makes and verifies "
          "backups, legacy's tables are the only second copy: they stay."),
    )  # fmt: skip


def retire_sql(description: Description) -> list[str]:
    """Triggers and change log go in one transaction, then the content.

    A table of chunks goes as a whole. The table of records stays, since applications use its other
    columns; the column with the content goes, after its large objects were unlinked.
    """
    content, records = description.content, quote_table(description.records.table)
    data = quote(content.data)
    statements = ["BEGIN", *capture.remove_sql(description), "COMMIT"]
    if content.kind == "large_object":
        statements.append(_unlink_sql(records, data))
    if content.kind == "chunks":
        assert content.table is not None
        return [*statements, f"DROP TABLE {quote_table(content.table)}"]
    return [*statements, f"ALTER TABLE {records} DROP COLUMN {data}"]


def _unlink_sql(records: str, data: str) -> str:
    """A thousand at a time: each takes a lock until its transaction ends. PostgreSQL 11 or later;
    before, the inner statement is repeated by hand until it finds no row.
    """
    batch = (
        f"SELECT t.{data} AS object FROM {records} AS t "  # noqa: S608 - quoted
        f"JOIN pg_largeobject_metadata AS m ON m.oid = t.{data} LIMIT 1000"
    )
    return (
        f"DO $$BEGIN LOOP\n  PERFORM lo_unlink(batch.object) FROM ({batch}) AS batch;\n"
        "  EXIT WHEN NOT FOUND;\n  COMMIT;\nEND LOOP; END$$"
    )
