"""`manage.py verify_audit`: the node's own ledger, verified as an auditor would verify it."""

import argparse
import json
import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from contentserver.conf import Config
from contentserver.operations.command_audit import recorded_act
from contentserver.operations.verification import note_result, open_verification
from contentserver.store.errors import StoreError
from skold.journal import JournalUnavailable
from skold.ledger.bundles import LedgerDamagedError
from skold.ledger.mark import read_mark
from skold.management.examples import CommandWithExamples
from skold.verifier import verify_audit
from skold.verifying import LiveVerification, Mode, Outcome, VerificationRunsError

EXAMPLES = """examples:
  manage.py verify_audit                 what is new since the last verification, and the journals
  manage.py verify_audit --full          all of it, from the first record
  manage.py verify_audit --anchors       all of it, and list every anchor that was compared
  manage.py verify_audit --since 120000  from that leaf on; nothing is kept for the next time
  manage.py verify_audit --json          the same for programs
exit codes: 0 intact, 1 changed, 2 it could not be read
"""


class Command(CommandWithExamples):
    help = _(
        "Verifies this node's audit ledger on disk, and the journals that still stand, with the "
        "verifier that auditors get. Needs no database. Beat does the same each night, and all of "
        "it once a week. An auditor verifies a copy: see docs/audit.md."
    )
    examples = EXAMPLES
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--full", action="store_true", help=_("from the first record on"))
        what.add_argument("--anchors", action="store_true", help=_("--full, and list the anchors"))
        what.add_argument("--since", type=_leaf, metavar="LEAF", help=_("from this leaf on"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Config = settings.CONFIG
        progress = verify_audit.progress_bar(time.monotonic(), [0.0])
        try:
            with recorded_act(config, "audit-verification", "audit"):
                _refuse_beyond(config, options["since"])
                outcome = _run(open_verification(config, progress=progress), options)
        except (
            *(JournalUnavailable, LedgerDamagedError, OSError),
            *(StoreError, VerificationRunsError),
        ) as error:
            raise CommandError(str(error), returncode=2) from error
        if outcome.result is not None:
            note_result(config, outcome.result)
        self._show(outcome, options)

    def _show(self, outcome: Outcome, options: dict[str, Any]) -> None:
        report, result = outcome.report, outcome.result
        assert result is not None  # no limit of time was set
        if options["json"]:
            said = verify_audit.as_json(report) if report else {"sentence": result.sentence}
            document = {**said, "exit_code": result.exit_code, "journals": result.journals}
            self.stdout.write(json.dumps(document, indent=2))
        elif report is not None:
            report.anchors = report.anchors if options["anchors"] else []
            self.stdout.write(verify_audit.as_text(report))
            for sentence in result.journals:
                self.stdout.write(f"journal      {sentence}")
        if result.failed:
            why = result.sentence if report is None else _("The audit is not intact.")
            raise CommandError(why, returncode=result.exit_code or 1)


def _run(verification: LiveVerification, options: dict[str, Any]) -> Outcome:
    if options["since"] is not None:
        return verification.run_since(options["since"])
    return verification.run(Mode.FULL if options["full"] or options["anchors"] else Mode.CONTINUE)


def _refuse_beyond(config: Config, leaf: int | None) -> None:
    """Raises CommandError for a leaf that is not there yet, LedgerDamagedError, OSError."""
    if leaf and leaf > (leaves := read_mark(config.ledger, config.node).leaves):
        raise CommandError(
            _("--since %(leaf)d: the ledger has only %(leaves)d records.")
            % {"leaf": leaf, "leaves": leaves},
            returncode=2,
        )


def _leaf(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(_("a leaf is a number from 0"))
    return int(text)
