"""`manage.py archive_audit`: old months of the audit leave PostgreSQL for verified files."""

import argparse
import datetime as dt
import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.console import Console
from rich.progress import Progress

from contentserver.conf import Config
from contentserver.management.commands.rebuild_ledger import PROBLEMS, check_checkpoint
from contentserver.operations.audit_database import audit_connection
from contentserver.operations.command_audit import recorded_act
from skold.archive.archive import Archiver, MonthOutcome, NotArchivedError
from skold.archive.lock import archive_lock
from skold.archive.months import (
    MonthTooYoungError,
    check_before,
    due_months,
    first_day,
    first_kept,
    standing_months,
)
from skold.control.commands import actor
from skold.management.examples import CommandWithExamples
from skold.models import ArchivedMonth
from skold.rebuild.notice import note_rows

EXAMPLES = """examples:
  manage.py archive_audit --dry-run             what is due by AUDIT_RETENTION_MONTHS
  manage.py archive_audit                       put it away
  manage.py archive_audit --before 2025-07      every month before July 2025
  manage.py archive_audit --list                what was put away
  manage.py archive_audit --read 2025-03        bring a month back to read it
  manage.py archive_audit --put-away 2025-03    and put it away again
"""


class Command(CommandWithExamples):
    help = _(
        "Writes each month of this node's audit that is older than AUDIT_RETENTION_MONTHS to one "
        "compressed file below AUDIT_ARCHIVE, reads it back, holds every record against the "
        "ledger's tree, and only then drops the month from PostgreSQL. The ledger on disk keeps "
        "everything. May be killed anywhere; the next run finishes."
    )
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--before", type=_month, help=_("months before this one: YYYY-MM"))
        what.add_argument("--read", type=_month, help=_("bring this month back"))
        what.add_argument("--put-away", type=_month, help=_("put a month away that was read"))
        what.add_argument("--list", action="store_true", help=_("show archived months"))
        parser.add_argument("--dry-run", action="store_true", help=_("show what would be done"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Config = settings.CONFIG
        if options["list"]:
            self._list(as_json=options["json"])
            return
        try:
            with archive_lock(config.archive):
                check_checkpoint(config)
                outcomes = self._work(config, options)
        except (*PROBLEMS, MonthTooYoungError, NotArchivedError) as error:
            raise CommandError(str(error)) from error
        self._show(outcomes, as_json=options["json"])
        if any(each.result == "differs" for each in outcomes):
            raise CommandError(
                _("Rows differ from the ledger: nothing of these months was archived."),
                returncode=1,
            )

    def _work(self, config: Config, options: dict[str, Any]) -> list[MonthOutcome]:
        with audit_connection("skold archive") as connection:
            archiver = Archiver(
                ledger=config.ledger,
                archive=config.archive,
                node=config.node,
                actor=actor(),
                connection=connection,
            )
            for name, act in (("read", archiver.read_back), ("put_away", archiver.put_away)):
                if options[name]:
                    with recorded_act(config, f"archived-month:{options[name]}"):
                        return [act(options[name])]
            return self._archive(
                config, archiver, _due(config, options["before"], connection), options
            )

    def _archive(
        self, config: Config, archiver: Archiver, months: list[str], options: dict[str, Any]
    ) -> list[MonthOutcome]:
        if not months:
            return []
        hidden = options["json"] or not sys.stderr.isatty()
        with Progress(console=Console(stderr=True), disable=hidden) as bar:
            task = bar.add_task(_("ledger"), total=None)

            def shown(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            if options["dry_run"]:
                return list(archiver.archive(months, shown, dry_run=True))
            with recorded_act(config, f"archived-month:{months[0]}..{months[-1]}"):
                return [_noted(config, each) for each in archiver.archive(months, shown)]

    def _list(self, *, as_json: bool) -> None:
        months = ArchivedMonth.objects.order_by("month", "node")
        if as_json:
            document = [
                {
                    "node": each.node,
                    "month": f"{each.month:%Y-%m}",
                    "path": each.path,
                    "sha256": each.sha256,
                    "size": each.size,
                    "records": each.records,
                    "standing": each.standing,
                }
                for each in months
            ]
            self.stdout.write(json.dumps(document, indent=2))
            return
        for each in months:
            where = _("also in PostgreSQL") if each.standing else each.path
            self.stdout.write(f"{each.month:%Y-%m}  {each.node}  {each.records}  {where}")

    def _show(self, outcomes: list[MonthOutcome], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([_as_json(each) for each in outcomes], indent=2))
            return
        if not outcomes:
            self.stdout.write(_("Nothing is due."))
        for each in outcomes:
            said = f"{each.month}  {_RESULTS[each.result]}  {each.records}"
            self.stdout.write("  ".join(part for part in (said, each.path, each.reason) if part))
            for found in each.differences[:20]:
                columns = ", ".join(found.columns)
                self.stdout.write(f"  {found.kind} {found.leaf} {found.at.isoformat()} {columns}")


def _due(config: Config, before: str | None, connection: Any) -> list[str]:
    now = dt.datetime.now(dt.UTC)
    if before is not None:
        check_before(before, now, config.audit_retention_months)
    elif config.audit_retention_months:
        before = first_kept(now, config.audit_retention_months)
    else:
        return []
    return due_months(standing_months(connection), before)


def _noted(config: Config, outcome: MonthOutcome) -> MonthOutcome:
    for kind in {each.kind for each in outcome.differences}:
        found = [each for each in outcome.differences if each.kind == kind]
        note_rows(config.node, kind, found, len(found), "archive_audit")
    return outcome


def _month(text: str) -> str:
    try:
        return first_day(text).strftime("%Y-%m")
    except ValueError:
        raise argparse.ArgumentTypeError(_("give a month as YYYY-MM")) from None


def _as_json(outcome: MonthOutcome) -> dict[str, Any]:
    return {
        "month": outcome.month,
        "result": outcome.result,
        "records": outcome.records,
        "size": outcome.size,
        "path": outcome.path,
        "reason": outcome.reason,
        "differences": [
            {"kind": each.kind, "leaf": each.leaf, "columns": each.columns}
            for each in outcome.differences[:100]
        ],
    }


_RESULTS = {
    "archived": gettext_lazy("archived"),
    "would archive": gettext_lazy("would be archived"),
    "differs": gettext_lazy("differs from the ledger"),
    "waits for other nodes": gettext_lazy("archived, still in PostgreSQL"),
    "empty": gettext_lazy("nothing of this node"),
}
