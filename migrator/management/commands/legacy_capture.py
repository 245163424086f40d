"""`manage.py legacy_capture`: the triggers on the legacy database that log its changes."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from migrator.legacy.address import AddressMissing, AddressOpen
from migrator.management.asking import agrees, get_source
from migrator.services.capturing import CaptureFacts, Capturing, LocksTaken, privileges
from migrator.services.sources import get_description
from migrator.sync.trouble import sentence as trouble
from skold.control.commands import actor
from skold.management.acting import sentence


class Command(BaseCommand):
    help = _(
        "Installs the triggers that log what changes in a source, removes them with the log, or "
        "says what is there. What will be executed is shown first. "
        "Example: manage.py legacy_capture install photos"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["install", "remove", "status"])
        parser.add_argument("source")
        parser.add_argument("--dry-run", action="store_true", help=_("show the SQL and end"))
        parser.add_argument("--yes", action="store_true", help=_("do not ask"))
        parser.add_argument("--json", action="store_true", help=_("status for machines"))

    def handle(self, *_args: Any, **options: Any) -> None:
        capturing = Capturing(get_source(options["source"]), settings.CONFIG)
        try:
            if options["act"] == "status":
                self._status(capturing.facts(), as_json=options["json"])
            else:
                self._change(capturing, options)
        except (AddressMissing, AddressOpen, LocksTaken) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(sentence(error)) from error
        except psycopg.Error as error:
            raise CommandError(trouble(error)) from error

    def _change(self, capturing: Capturing, options: dict[str, Any]) -> None:
        installs = options["act"] == "install"
        statements = capturing.install_sql() if installs else capturing.remove_sql()
        self.stdout.write("BEGIN;")
        for statement in statements:
            self.stdout.write(f"{statement};")
        self.stdout.write("COMMIT;")
        if installs:
            self.stdout.write(f"-- {_('The least that each role needs:')}")
            for line in privileges(get_description(capturing.source)):
                self.stdout.write(line if line.startswith("--") else f"-- {line}")
        if options["dry_run"]:
            return
        if not options["yes"] and not agrees(_("Execute this on the legacy database? [y/N] ")):
            raise CommandError(_("Nothing was changed."))
        act = capturing.install if installs else capturing.remove
        act(actor=actor(), on_busy=self._busy)
        done = _("Every change is logged now.") if installs else _("Nothing is logged any more.")
        self.stdout.write(done)

    def _busy(self, left: int) -> None:
        text = _("The tables are in use; let go, %(left)s more tries.")
        self.stdout.write(text % {"left": left})
        self.stdout.flush()

    def _status(self, facts: CaptureFacts, *, as_json: bool) -> None:
        status = facts.status
        if as_json:
            self.stdout.write(json.dumps(_mapping(facts)))
        elif status.is_complete:
            self.stdout.write(_("Every change is logged."))
        else:
            self.stdout.write(
                _("Not every change is logged. Run: manage.py legacy_capture install")
            )
        if not as_json:
            self._details(facts)
        if not status.is_complete:
            raise CommandError(_("Capture is not complete."), returncode=1)

    def _details(self, facts: CaptureFacts) -> None:
        words = {
            _("triggers missing"): facts.status.missing,
            _("triggers disabled"): facts.status.disabled,
            _("functions of another description"): facts.status.outdated,
        }
        for label, names in words.items():
            if names:
                self.stdout.write(f"{label}: {', '.join(names)}")
        if not facts.status.log:
            self.stdout.write(_("The change log is not there, or this role may not empty it."))
        if facts.backlog is not None:
            text = _("changes waiting: %(events)s, the oldest since %(oldest)s")
            oldest = facts.backlog.oldest_at or "-"
            self.stdout.write(text % {"events": facts.backlog.events, "oldest": oldest})


def _mapping(facts: CaptureFacts) -> dict[str, Any]:
    oldest = facts.backlog.oldest_at if facts.backlog else None
    return {
        "complete": facts.status.is_complete,
        **asdict(facts.status),
        "backlog": facts.backlog.events if facts.backlog else None,
        "oldest": oldest.isoformat() if oldest else None,
        "held_back_by": [asdict(holder) for holder in facts.horizon.holders],
    }
