"""`manage.py expire_uploads`: uploads that nobody committed in time are removed."""

import datetime as dt
import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from contentserver import runtime
from contentserver.commit_checks import UnusableCheck
from contentserver.conf import Config
from contentserver.operations.expiring import Expiry, end_upload, expire, opened_store, plan_expiry
from contentserver.store.errors import StoreError
from contentserver.store.results import StagedUpload
from skold.control.commands import recorded_in
from skold.journal import JournalUnavailable
from skold.management.examples import CommandWithExamples

ACTOR = "command"
SHOWN = 50
EXAMPLES = """examples:
  manage.py expire_uploads --dry-run           which uploads are past their time
  manage.py expire_uploads                     remove them; data plane, bridge and beat do the same
  manage.py expire_uploads --dry-run --json    the same for programs
  manage.py expire_uploads --upload 01900000-0000-7000-8000-000000000001    end this one now
"""


class Command(CommandWithExamples):
    help = _(
        "Removes uploads that were not committed within CONTENTSERVER_UPLOAD_EXPIRY, and the "
        "receipts of those that were. What dead processes left is finished first: a complete "
        "upload that was to commit itself is committed, not removed. Uploads that somebody is "
        "sending to are left alone."
    )
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--dry-run", action="store_true", help=_("show what would be done"))
        what.add_argument(
            "--upload", type=UUID, help=_("end this upload now, whatever its time; whoever sends")
        )
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        planned: bool = options["dry_run"]
        try:
            outcome = (
                plan_expiry(settings.CONFIG)
                if planned
                else _expire(settings.CONFIG, options["upload"])
            )
        except (StoreError, UnusableCheck, JournalUnavailable) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(outcome, planned=planned), indent=2))
        else:
            _print(Console(file=self.stdout), outcome, planned=planned)  # type: ignore[arg-type]


def _expire(config: Config, upload_id: UUID | None) -> Expiry:
    resource = "uploads" if upload_id is None else f"upload:{upload_id}"
    journal = runtime.open_journal(config)
    journal.start()
    try:
        with opened_store(config) as store, recorded_in(journal, "administer", resource):
            if upload_id is not None:
                return end_upload(store, upload_id)
            return expire(store, journal, actor=ACTOR)
    finally:
        journal.close()


def _as_json(outcome: Expiry, *, planned: bool) -> dict[str, Any]:
    return {
        "dry_run": planned,
        "committed": outcome.recovered,
        "removed": outcome.expired,
        "uploads": [
            {
                "id": str(upload.id),
                "client": upload.client,
                "collection": upload.collection,
                "length": upload.length,
                "offset": upload.offset,
                "held": upload.held,
                "refused": upload.refused,
                "created": _time(upload.created_at_ns),
                "expires": _time(upload.expires_at_ns),
            }
            for upload in outcome.uploads
        ],
    }


def _print(console: Console, outcome: Expiry, *, planned: bool) -> None:
    said = (
        _("Uploads to be committed: %(committed)d; to be removed: %(removed)d.")
        if planned
        else _("Uploads committed: %(committed)d; removed, receipts among them: %(removed)d.")
    )
    console.print(said % {"committed": outcome.recovered, "removed": outcome.expired})
    if not outcome.uploads:
        return
    table = Table()
    table.add_column(_("upload"), no_wrap=True)
    for title in (_("client"), _("collection"), _("bytes"), _("expired")):
        table.add_column(title)
    for upload in outcome.uploads[:SHOWN]:
        table.add_row(*_row(upload))
    console.print(table)
    if len(outcome.uploads) > SHOWN:
        console.print(_("and %(count)d more") % {"count": len(outcome.uploads) - SHOWN})


def _row(upload: StagedUpload) -> tuple[str, ...]:
    of = "?" if upload.length is None else str(upload.length)
    size = _("%(offset)d of %(length)s") % {"offset": upload.offset, "length": of}
    return str(upload.id), upload.client, upload.collection, size, _time(upload.expires_at_ns)


def _time(at_ns: int) -> str:
    at = dt.datetime.fromtimestamp(at_ns // 1_000_000_000, dt.UTC)
    return at.isoformat().replace("+00:00", "Z")
