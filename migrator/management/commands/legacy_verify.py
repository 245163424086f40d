"""`manage.py legacy_verify`: a source compared with the disk, in both directions, by content."""

import json
from typing import Any, Self

import psycopg
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from contentserver.store.errors import StoreError
from migrator.legacy.address import AddressMissing, AddressOpen, address_of
from migrator.legacy.snapshots import connect
from migrator.management.asking import get_source
from migrator.models import Difference, Verification
from migrator.store import opened_store
from migrator.verify.run import CatalogBehind, Verifier
from migrator.verify.state import State, VerificationMoved
from skold.management.examples import CommandWithExamples

EXAMPLES = """examples:
  manage.py legacy_verify photos             compare every record and every stored file of photos
  manage.py legacy_verify photos --resume    go on where the last one was cut off
  manage.py legacy_verify photos --full      decrypt and hash the stored bodies too
  manage.py legacy_verify photos --json      the same for programs; exit code 1 where they differ
"""
SHOWN = 20


class Command(CommandWithExamples):
    help = _(
        "Compares all records of a source with the disk and all stored files with the source, by "
        "SHA-256 of the content. What is on its way meanwhile is no difference."
    )
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help=_("name of the source"))
        parser.add_argument("--resume", action="store_true", help=_("go on with the last one"))
        parser.add_argument("--full", action="store_true", help=_("read stored bodies too"))
        parser.add_argument("--workers", type=int, help=_("connections to the legacy database"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        source = get_source(options["source"])
        try:
            address = address_of(source.name, "read", settings.CONFIG.home)
            with opened_store(settings.CONFIG) as store, _Bar(hidden=options["json"]) as bar:
                bar.expect(source.records_estimated)
                verification = Verifier(
                    store=store,
                    source=source,
                    connect=lambda: connect(address, application="contentserver verify"),
                    workers=options["workers"] or source.connections,
                    full=options["full"],
                    progress=bar,
                ).run(resume=options["resume"])
        except (AddressMissing, AddressOpen, CatalogBehind, StoreError, VerificationMoved) as error:
            raise CommandError(str(error)) from error
        except psycopg.Error as error:
            text = _("The legacy database failed: %(error)s. Go on with --resume.")
            raise CommandError(text % {"error": str(error).strip()}) from error
        self._print(verification, as_json=options["json"])

    def _print(self, verification: Verification, *, as_json: bool) -> None:
        facts = facts_of(verification)
        if as_json:
            self.stdout.write(json.dumps(facts, indent=2))
        else:
            for name, value in facts.items():
                self.stdout.write(f"{name:>16}  {value}")
            for found in Difference.objects.filter(verification=verification)[:SHOWN]:
                record = ",".join(found.record)
                self.stdout.write(f"{found.kind:>16}  {record}  {found.key}  {found.detail}")
        if verification.differences.filter(resolved_at=None).exists():
            raise CommandError(_("Legacy and disk differ."), returncode=1)


def facts_of(verification: Verification) -> dict[str, Any]:
    """One verification in numbers; times as RFC 3339."""
    finished = verification.finished_at
    position = State(verification).position
    return {
        "verification": verification.pk,
        "started": verification.started_at.isoformat(),
        "finished": finished and finished.isoformat(),
        "compared": verification.compared,
        "bytes": verification.compared_bytes,
        "equal": verification.equal,
        "missing_here": verification.missing_here,
        "missing_there": verification.missing_there,
        "different": verification.different,
        "unreadable": verification.unreadable,
        "pending": position["pending"],
        "erased": position["erased"],
        "digest": verification.digest,
    }


class _Bar:
    """Live progress in the terminal; `hidden` for programs."""

    def __init__(self, *, hidden: bool) -> None:
        columns = (
            TextColumn("{task.description}"), BarColumn(),
            TextColumn("{task.completed:,} / {task.total:,}"), TextColumn("{task.fields[found]}"),
            TimeRemainingColumn(),
        )  # fmt: skip
        self._progress = Progress(*columns, console=Console(stderr=True), disable=hidden)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def expect(self, records: int) -> None:
        self._task = self._progress.add_task(_("compared"), total=records or None, found="")

    def __call__(self, verification: Verification) -> None:
        if self._task is None:
            return
        position = State(verification).position
        aside = position["pending"] + position["erased"]
        text = _("%(phase)s, %(count)d not equal") % {
            "phase": verification.get_phase_display(),
            "count": verification.compared - verification.equal - aside,
        }
        self._progress.update(self._task, completed=verification.compared, found=text)
