"""`manage.py export_audit`: records for an auditor, with what proves them."""

import argparse
import dataclasses
import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from contentserver import checkpoint_keys, runtime
from contentserver.conf import Config
from contentserver.operations.command_audit import recorded_act
from contentserver.store.address import address_of, check_collection, check_key
from contentserver.store.errors import StoreError
from skold.control.commands import actor
from skold.exporting import ExportError, ExportOptions, Selection, export_to_path
from skold.exporting.scanning import Wanted, find_selection
from skold.journal import JournalUnavailable
from skold.ledger.bundles import LedgerDamagedError
from skold.ledger.proofs import NoCheckpointError, TreeReader
from skold.management.examples import CommandWithExamples
from skold.verifier import verify_audit

EXAMPLES = """examples:
  manage.py export_audit --output audit.zip                               the whole log
  manage.py export_audit --from 2026-01-01 --to 2026-04-01 --output q1.zip   a quarter, without gaps
  manage.py export_audit --client campus --format csv --output campus     records of one client
  manage.py export_audit --file photos/students/4711.jpg --output one.zip    and of one file
  manage.py export_audit --from 2026-11-01 --dry-run                      how many that would be
"""


class Command(CommandWithExamples):
    help = _(
        "Exports audit records to a folder or a .zip, with the hashes that lead to the signed "
        "checkpoint, the anchors and the verifier. Reads the ledger on disk and needs no database. "
        "A period is exported without gaps, so that an auditor sees that nothing is missing; of "
        "a client or a file it is a selection. The export is recorded."
    )
    examples = EXAMPLES
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--from", dest="since", type=_time, metavar="TIME", help=_("from this day or time on"))
        add("--to", dest="until", type=_time, metavar="TIME", help=_("before this day or time"))
        add("--client", help=_("only requests of this client"))
        add("--file", metavar="COLLECTION/KEY", help=_("only requests for this file"))
        add("--format", choices=("jsonl", "csv"), default="jsonl", help=_("of the readable table"))
        add("--output", type=Path, metavar="PATH", help=_("a new folder, or a file ending in .zip"))
        add("--without-private", action="store_true", help=_("leave out what is said of persons"))
        add(
            "--consistent-with",
            action="append",
            type=_size,
            default=[],
            metavar="SIZE",
            help=_("size of an older checkpoint that the auditor holds; several"),
        )
        add("--dry-run", action="store_true", help=_("count, write nothing"))
        add("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Config = settings.CONFIG
        if options["output"] is None and not options["dry_run"]:
            raise CommandError(_("Name a place with --output, or count with --dry-run."))
        try:
            wanted = _wanted(config, options)
            selection = find_selection(config.ledger, wanted, _progress())
            facts = _counted(config, selection)
            _refuse_sizes_beyond(facts["size"], options["consistent_with"])
            if not options["dry_run"]:
                with recorded_act(config, _resource(wanted), "audit"):
                    facts = self._export(config, selection, wanted, options)
        except NoCheckpointError as error:
            raise CommandError(str(error)) from error
        except (ExportError, JournalUnavailable, LedgerDamagedError, OSError, StoreError) as error:
            raise CommandError(str(error)) from error
        self._show(facts, options)

    def _export(
        self, config: Config, selection: Selection, wanted: Wanted, options: dict[str, Any]
    ) -> dict[str, Any]:
        keys = checkpoint_keys.verifiers(config, runtime.data_keyset(config))
        filters = {name: said for name, said in dataclasses.asdict(wanted).items() if said}
        how = ExportOptions(
            format=options["format"],
            private=not options["without_private"],
            filters=filters,
            made_by=actor(),
            keys=list(map(str, keys)),
            consistent_with=options["consistent_with"],
        )
        summary = export_to_path(
            config.ledger, selection, how, options["output"].absolute(), _progress()
        )
        return {**dataclasses.asdict(summary), "output": str(options["output"])}

    def _show(self, facts: dict[str, Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(facts, indent=2))
            return
        for name, value in facts.items():
            self.stdout.write(f"{name:>8}  {value}")
        if not options["dry_run"]:
            self.stdout.write(
                _("Verify it with: python3 verify_audit.py %(path)s --key KEY")
                % {"path": options["output"]}
            )


def _wanted(config: Config, options: dict[str, Any]) -> Wanted:
    address = None
    if options["file"] is not None:
        collection, slash, key = options["file"].partition("/")
        if not slash:
            raise CommandError(_("--file takes COLLECTION/KEY, such as photos/students/4711.jpg"))
        names = check_collection(collection), check_key(key)
        address = address_of(runtime.data_keyset(config).naming, *names).hex()
    times = {
        name: options[name] and _as_recorded(options[name], config) for name in ("since", "until")
    }
    if times["since"] and times["until"] and times["since"] >= times["until"]:
        raise CommandError(_("--from must lie before --to: no record is in between."))
    return Wanted(**times, client=options["client"], address=address)


def _counted(config: Config, selection: Selection) -> dict[str, Any]:
    head = TreeReader(config.ledger).checkpoint()
    cut = selection.below(head.size)
    first, end = cut.bounds
    facts = {"kind": cut.kind, "records": len(cut.leaves), "first": first, "end": end}
    return {**facts, "size": head.size, "origin": head.origin}


def _resource(wanted: Wanted) -> str:
    said = [f"{name}={value}" for name, value in dataclasses.asdict(wanted).items() if value]
    return f"audit-export:{','.join(said) or 'all'}"


def _time(text: str) -> dt.datetime:
    try:
        moment = parse_datetime(text) or dt.datetime.combine(dt.date.fromisoformat(text), dt.time())
    except ValueError:
        raise argparse.ArgumentTypeError(
            _("%(text)r is no day (2026-01-31) and no time (2026-01-31T12:00:00Z)") % {"text": text}
        ) from None
    return moment


def _size(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(_("the size of a checkpoint is a number from 1"))
    return int(text)


def _refuse_sizes_beyond(size: int, wanted: list[int]) -> None:
    """A proof that was asked for and cannot be given is not left out in silence."""
    if beyond := [older for older in wanted if older > size]:
        raise CommandError(
            _("%(older)d is more than the %(size)d records of this log: no checkpoint of it.")
            % {"older": max(beyond), "size": size}
        )


def _as_recorded(moment: dt.datetime, config: Config) -> str:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=config.time_zone)
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _progress() -> verify_audit.Progress:
    return verify_audit.progress_bar(time.monotonic(), [0.0])
