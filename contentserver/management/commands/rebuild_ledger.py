"""`manage.py rebuild_ledger`: PostgreSQL's copy of the audit made again from the ledger on disk, or
proved equal to it."""

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

from contentserver import runtime
from contentserver.checkpoint_keys import origin, verifiers
from contentserver.conf import Config
from contentserver.operations.audit_database import audit_connection, audit_conninfo
from contentserver.operations.command_audit import recorded_act
from contentserver.store.errors import StoreError
from skold.archive.collect import NotInLedgerError
from skold.archive.lock import ArchiveInUseError, archive_lock
from skold.archive.month_file import MonthFileDamaged
from skold.archive.restore import list_again, unlisted
from skold.checkpoints import CheckpointInvalidError, open_checkpoint
from skold.journal import JournalUnavailable
from skold.ledger.bundles import LedgerDamagedError
from skold.ledger.mark import MarkInvalidError
from skold.ledger.proofs import NoCheckpointError, TreeReader
from skold.management.examples import CommandWithExamples
from skold.rebuild.notice import note_differences
from skold.rebuild.rebuild import Outcome, Rebuild
from skold.redaction.listed import RedactionListInvalid

EXAMPLES = """examples:
  manage.py rebuild_ledger                  fill what PostgreSQL lacks; goes on where it was cut off
  manage.py rebuild_ledger --check          prove both equal; exit code 1 and a list where not
  manage.py rebuild_ledger --check --json   the same for programs
"""
PROBLEMS = (
    ArchiveInUseError,
    CheckpointInvalidError,
    JournalUnavailable,
    LedgerDamagedError,
    MarkInvalidError,
    MonthFileDamaged,
    NoCheckpointError,
    NotInLedgerError,
    RedactionListInvalid,
    StoreError,
    OSError,
)


class Command(CommandWithExamples):
    help = _(
        "Makes PostgreSQL's copy of this node's audit again from the ledger on disk, also in an "
        "empty database, or proves it equal (--check). Rows that differ from the ledger, or that "
        "it does not have, are evidence: they are named, become a finding, and stay as they are."
    )
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help=_("compare only; 1 if unequal"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Config = settings.CONFIG
        try:
            if options["check"]:
                outcome, listed = _check(config, hidden=options["json"])
            else:
                with recorded_act(config, "ledger:rebuild"):
                    outcome, listed = _run(config, hidden=options["json"])
        except PROBLEMS as error:
            raise CommandError(str(error)) from error
        note_differences(outcome)
        self.stdout.write(_as_json(outcome, listed) if options["json"] else _text(outcome, listed))
        if not outcome.equal:
            raise CommandError(_("Ledger and PostgreSQL are not equal."), returncode=1)


def _check(config: Config, *, hidden: bool) -> tuple[Outcome, list[str]]:
    with audit_connection("skold rebuild") as connection:
        files = unlisted(config.archive, config.node, connection)
    with _bar(hidden=hidden) as bar:
        outcome = Rebuild(
            config.ledger, config.node, audit_conninfo(), progress=_shown(bar)
        ).check()
    return outcome, [file.header.month for file in files]


def _run(config: Config, *, hidden: bool) -> tuple[Outcome, list[str]]:
    with (
        archive_lock(config.archive, patience=5.0),
        audit_connection("skold rebuild") as connection,
    ):
        files = unlisted(config.archive, config.node, connection)
        if files:
            check_checkpoint(config)
        list_again(
            files,
            archive=config.archive,
            node=config.node,
            ledger=config.ledger,
            connection=connection,
        )
        with _bar(hidden=hidden) as bar:
            rebuild = Rebuild(config.ledger, config.node, audit_conninfo(), progress=_shown(bar))
            return rebuild.run(), [file.header.month for file in files]


def check_checkpoint(config: Config) -> None:
    """The ledger's checkpoint is signed by a key of this node. Raises CheckpointInvalidError,
    NoCheckpointError, StoreError."""
    note = TreeReader(config.ledger).checkpoint_text()
    open_checkpoint(note, verifiers(config, runtime.data_keyset(config)), origin(config))


def _bar(*, hidden: bool) -> Progress:
    return Progress(console=Console(stderr=True), disable=hidden or not sys.stderr.isatty())


def _shown(bar: Progress) -> Any:
    task = bar.add_task(_("records"), total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)


def _as_json(outcome: Outcome, listed: list[str]) -> str:
    document = {
        "node": outcome.node,
        "leaves": outcome.leaves,
        "rows": outcome.rows,
        "put_away": outcome.put_away,
        "filled": outcome.filled,
        "copied": outcome.copied,
        "waiting": outcome.waiting,
        "archives_listed_again": listed,
        "equal": outcome.equal,
        "counts": outcome.counts,
        "differences": [
            {"kind": each.kind, "leaf": each.leaf, "at": _iso(each.at), "columns": each.columns}
            for each in outcome.examples
        ],
    }
    return json.dumps(document, indent=2)


def _iso(at: dt.datetime) -> str:
    return at.isoformat()


def _text(outcome: Outcome, listed: list[str]) -> str:
    lines = [_("%(node)s: %(leaves)d records in the ledger") % vars_of(outcome)]
    for name, count in (
        (_("compared"), outcome.rows),
        (_("in archived months"), outcome.put_away),
        (_("were missing and are there now"), outcome.filled),
        (_("copied"), outcome.copied),
        (_("not copied yet: is the bridge running?"), outcome.waiting),
        (_("archived months listed again"), len(listed)),
        *((_KINDS[kind], count) for kind, count in outcome.counts.items()),
    ):
        if count:
            lines.append(f"  {count} {name}")
    for each in outcome.examples:
        columns = f": {', '.join(each.columns)}" if each.columns else ""
        lines.append(f"  {each.kind} {outcome.node}:{each.leaf} {_iso(each.at)}{columns}")
    if outcome.equal:
        lines.append(_("Ledger and PostgreSQL are equal."))
    return "\n".join(lines)


def vars_of(outcome: Outcome) -> dict[str, Any]:
    """What sentences about it name."""
    return {"node": outcome.node, "leaves": outcome.leaves}


_KINDS = {
    "missing": gettext_lazy("are missing in PostgreSQL"),
    "different": gettext_lazy("differ from the ledger"),
    "surplus": gettext_lazy("are not in the ledger"),
}
