"""`manage.py cutover`: the mode of a source changed, through its gates; and the certificates."""

import datetime as dt
import json
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from contentserver.store.errors import StoreError
from migrator.cutover.apply import GatesClosed, ModeChanged, apply_step, wait_until_published
from migrator.cutover.certificates import file_of
from migrator.cutover.facts import MODES, Limits
from migrator.cutover.page import page_of
from migrator.cutover.prepare import Prepared, Preparer, Wanted
from migrator.cutover.steps import FINAL, NoSuchStep
from migrator.legacy.address import AddressMissing, AddressOpen, address_of
from migrator.legacy.snapshots import connect
from migrator.management.asking import agrees, get_source
from migrator.models import CutOver, Source
from migrator.store import opened_store
from skold.control.commands import actor
from skold.management.examples import CommandWithExamples

EXAMPLES = """examples:
  manage.py cutover photos --dry-run        show the gates before the next mode; change nothing
  manage.py cutover photos                  go to the next mode, if every gate holds
  manage.py cutover photos --rollback       one step back
  manage.py cutover photos --to disk --final        declare disk final: no way back any more
  manage.py cutover photos --certificate            the last certificate, as JSON
  manage.py cutover photos --certificate 12 --format html > certificate.html
"""


class Command(CommandWithExamples):
    help = _(
        "Checks the gates of a change of mode, applies it, and waits until it is in force. Every "
        "change leaves a certificate, signed by the bridge."
    )
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help=_("name of the source"))
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--to", choices=MODES, help=_("default: the next mode"))
        what.add_argument("--rollback", action="store_true", help=_("one step back"))
        what.add_argument(
            "--certificate", nargs="?", type=int, const=0, metavar="N",
            help=_("print a certificate; default: the last"),
        )  # fmt: skip
        parser.add_argument("--final", action="store_true", help=_("with --to disk: no way back"))
        parser.add_argument("--dry-run", action="store_true", help=_("show the gates only"))
        parser.add_argument("--yes", action="store_true", help=_("do not ask"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))
        parser.add_argument("--format", choices=("json", "html"), default="json")
        limits = Limits()
        hours = limits.verification_age // dt.timedelta(hours=1)
        parser.add_argument(
            "--verification-age", type=int, default=hours, metavar="HOURS",
            help=_("how old the verification may be; default %(default)s"),
        )  # fmt: skip
        parser.add_argument(
            "--shadow-reads", type=int, default=limits.shadow_reads, metavar="N",
            help=_("comparisons in shadow wanted; default %(default)s"),
        )  # fmt: skip
        parser.add_argument(
            "--patience", type=float, default=60.0, metavar="SECONDS",
            help=_("with transactions open in legacy; default %(default)s"),
        )  # fmt: skip

    def handle(self, *_args: Any, **options: Any) -> None:
        source = get_source(options["source"])
        if options["certificate"] is not None:
            self._print_certificate(source, options["certificate"], options["format"])
            return
        if options["final"] and options["to"] != "disk":
            raise CommandError(_("--final goes with --to disk."))
        try:
            prepared = self._prepare(source, options)
            self._decide(source, prepared, options)
        except (NoSuchStep, GatesClosed, ModeChanged) as refused:
            raise CommandError(str(refused)) from refused
        except (AddressMissing, AddressOpen, StoreError) as error:
            raise CommandError(str(error)) from error
        except psycopg.Error as error:
            text = _("The legacy database failed: %(error)s. Nothing was changed.")
            raise CommandError(text % {"error": str(error).strip()}) from error

    def _prepare(self, source: Source, options: dict[str, Any]) -> Prepared:
        name = source.name
        with opened_store(settings.CONFIG) as store:
            return Preparer(
                store,
                lambda: connect(address_of(name, "read", settings.CONFIG.home)),
                Limits(
                    verification_age=dt.timedelta(hours=options["verification_age"]),
                    shadow_reads=options["shadow_reads"],
                ),
                patience=options["patience"],
                say=self.stderr.write,
            ).prepare(source, Wanted(options["to"], options["final"], options["rollback"]))

    def _decide(self, source: Source, prepared: Prepared, options: dict[str, Any]) -> None:
        as_json = options["json"]
        if not as_json:
            self._print_gates(source, prepared)
        wanted = not options["dry_run"] and prepared.is_open
        if wanted and not options["yes"]:
            wanted = agrees(_("Change the mode? [y/N] "))
            if not wanted and not as_json:
                raise CommandError(_("Nothing was changed."))
        applied = self._apply(source, prepared) if wanted else {}
        if as_json:
            facts = {
                "source": source.name,
                "from": prepared.facts.mode,
                "to": prepared.to,
                "gates": [gate.to_mapping() for gate in prepared.gates],
                "applied": bool(applied),
            }
            self.stdout.write(json.dumps(facts | applied, indent=2))
        if not prepared.is_open:
            raise CommandError(_("Not every gate holds; nothing was changed."), returncode=1)
        if applied and applied["published_after"] is None:
            raise CommandError(
                _("The mode is changed, and in force once the bridge has published the policy: "
                  "start the bridge.")
            )  # fmt: skip

    def _apply(self, source: Source, prepared: Prepared) -> dict[str, Any]:
        config = settings.CONFIG
        made = apply_step(
            actor=actor(), source=source, to=prepared.to, facts=prepared.facts,
            gates=prepared.gates, config=config,
        )  # fmt: skip
        seconds = wait_until_published(config, made.source)
        text = _("Cut-over %(number)d: %(source)s is in %(mode)s, published after %(seconds)s s")
        words = {"number": made.pk, "source": source.name, "mode": made.to_mode}
        self.stderr.write(text % {**words, "seconds": "?" if seconds is None else f"{seconds:.2f}"})
        return {
            "cutover": made.pk,
            "published_after": None if seconds is None else round(seconds, 3),
            "certificate": str(file_of(config, made)),
        }

    def _print_gates(self, source: Source, prepared: Prepared) -> None:
        to = _("disk, final") if prepared.to == FINAL else prepared.to
        self.stdout.write(f"{source.name}: {prepared.facts.mode} → {to}")
        for gate in prepared.gates:
            mark = "✓" if gate.passed else "✗"
            self.stdout.write(f"  {mark} {gate.text}: {gate.found} ({gate.wanted})")

    def _print_certificate(self, source: Source, number: int, form: str) -> None:
        signed = CutOver.objects.filter(source=source, signed_at__isnull=False)
        found = (signed.filter(pk=number) if number else signed.order_by("-pk")).first()
        if found is None:
            raise CommandError(_("There is no such certificate; the bridge signs them."))
        certificate: dict[str, Any] = found.certificate or {}
        if form == "html":
            self.stdout.write(page_of(certificate), ending="")
        else:
            self.stdout.write(json.dumps(certificate, indent=2, ensure_ascii=False))
