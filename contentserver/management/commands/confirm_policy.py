"""After a restore: show what the policy on disk knows and the database has forgotten; go on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from contentserver import runtime
from contentserver.catalog.rules import collection_rules
from contentserver.conf import config
from contentserver.operations.extensions import registered
from skold.publisher import build_payload, find_document, number_on_disk
from skold.restored_policy import NothingToConfirmError, confirm, difference


class Command(BaseCommand):
    help = "Show how the policy on disk differs from a restored database; --number confirms it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--number", type=int, help="the number that was shown")
        parser.add_argument("--actor", default="", help="who confirms; needed with --number")

    def handle(self, *_args: Any, **options: Any) -> None:
        settings = config()
        keys = runtime.data_keyset(settings).verify_keys("policy")
        document = find_document(str(settings.policy), keys)
        if document is None:
            raise CommandError(_("There is no policy on disk that verifies."))
        payload = build_payload(collection_rules(), registered().read_attachments())
        for line in difference(document.payload, payload):
            self.stdout.write(line)
        if options["number"] is None:
            said = _("Confirm with: manage.py confirm_policy --number %(number)d --actor YOU")
            self.stdout.write(said % {"number": document.number})
            return
        if options["number"] != document.number or not options["actor"]:
            raise CommandError(
                _("Give the number on disk (%(number)d) and --actor.") % {"number": document.number}
            )
        try:
            confirm(
                actor=options["actor"],
                document=document,
                highest=number_on_disk(str(settings.policy), keys),
            )
        except NothingToConfirmError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_("Confirmed. The bridge publishes from the database again."))
