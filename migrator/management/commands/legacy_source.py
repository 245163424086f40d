"""`manage.py legacy_source`: the sources of the migrator, in and out as TOML."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from migrator.management.asking import get_source
from migrator.models import Source
from migrator.services.exchange import export_source, import_source
from migrator.services.sources import remove_source
from skold.control.commands import actor
from skold.management.acting import sentence


class Command(BaseCommand):
    help = _(
        "Creates a source from a TOML file or changes it, writes one as TOML, lists all, or "
        "removes one that is in mode legacy. "
        "Example: manage.py legacy_source import photos.toml"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="import|export|list|remove")
        taken = acts.add_parser("import", help=_("create or change the source of a TOML file"))
        taken.add_argument("file", help=_("path of the file, - for the standard input"))
        given = acts.add_parser("export", help=_("write a source as TOML"))
        given.add_argument("name")
        listed = acts.add_parser("list", help=_("all sources and how far they are"))
        listed.add_argument("--json", action="store_true", help=_("for machines"))
        removed = acts.add_parser("remove", help=_("forget a source; stored files stay"))
        removed.add_argument("name")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['act']}")(options)
        except ValidationError as error:
            raise CommandError(sentence(error)) from error

    def _import(self, options: dict[str, Any]) -> None:
        try:
            file = options["file"]
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error
        source = import_source(actor=actor(), text=text)
        text = _("The source “%(name)s” is as the file says. Next: manage.py legacy_check %(name)s")
        self.stdout.write(text % {"name": source.name})

    def _export(self, options: dict[str, Any]) -> None:
        self.stdout.write(export_source(get_source(options["name"])), ending="")

    def _remove(self, options: dict[str, Any]) -> None:
        remove_source(actor=actor(), source=get_source(options["name"]))
        text = _("The source “%(name)s” is forgotten. Its stored files stay.")
        self.stdout.write(text % {"name": options["name"]})

    def _list(self, options: dict[str, Any]) -> None:
        rows = [_facts(source) for source in Source.objects.all()]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=1))
            return
        for row in rows:
            self.stdout.write("  ".join(f"{name}={value}" for name, value in row.items()))


def _facts(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "mode": source.mode,
        "final": source.final,
        "collection": source.description.get("collection"),
        "capture": source.capture,
        "sync_enabled": source.sync_enabled,
        "files_imported": source.files_imported,
        "bytes_imported": source.bytes_imported,
        "backlog": source.backlog,
        "errors": source.errors.count(),
    }
