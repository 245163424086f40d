"""`manage.py legacy_retire`: prints what frees legacy's tables, once nothing needs them."""

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from migrator.legacy.description import Description
from migrator.management.asking import get_source
from migrator.retire import obstacles, retire_sql


class Command(BaseCommand):
    help = _(
        "Prints the SQL that frees the tables of a source in the legacy database, and never runs "
        "it. Refuses until disk was declared final, a certificate stands, legacy had no part in "
        "any answer for 30 days, and every file is in a verified backup."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help=_("name of the source"))

    def handle(self, *_args: Any, **options: Any) -> None:
        source = get_source(options["source"])
        found = obstacles(source, dt.datetime.now(dt.UTC).date())
        if found:
            lines = "\n".join(f"  - {obstacle.text}" for obstacle in found)
            raise CommandError(_("The tables of %(name)s stay:\n%(why)s") % {
                "name": source.name, "why": lines,
            })  # fmt: skip
        for statement in retire_sql(Description.from_mapping(source.description)):
            self.stdout.write(f"{statement};")
