"""`manage.py legacy_check`: what stands between a source and its migration."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from migrator.legacy.mapping import DescriptionInvalid
from migrator.management.asking import get_source
from migrator.services.checking import Checking, is_fit


class Command(BaseCommand):
    help = _(
        "Looks at a source and says what is wrong, with the way out; changes nothing. Ends with 1 "
        "if something must be put right first. "
        "Example: manage.py legacy_check photos"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source")
        parser.add_argument("--json", action="store_true", help=_("print one JSON array"))

    def handle(self, *_args: Any, **options: Any) -> None:
        source = get_source(options["source"])
        try:
            found = Checking(source, settings.CONFIG).findings()
        except DescriptionInvalid as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in found], indent=1))
        else:
            words = {"error": _("wrong"), "warning": _("look at"), "note": _("note")}
            for finding in found:
                self.stdout.write(f"{words[finding.level]}: {finding.text}")
                if finding.way_out:
                    self.stdout.write(f"    -> {finding.way_out}")
        if not is_fit(found):
            raise CommandError(_("Put right what is wrong, then check again."), returncode=1)
        if not options["json"]:
            self.stdout.write(_("Nothing stands in the way."))
