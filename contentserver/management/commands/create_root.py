"""`manage.py create_root`: prepare one more folder or volume to hold years."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from contentserver.store.roots import create_root


class Command(BaseCommand):
    help = _(
        "Makes a folder a storage root. Name it in CONTENTSERVER_ROOTS of every process after it; "
        "then a year can be opened on it. Example: manage.py create_root /volumes/two root-2"
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help=_("the folder; made where it is missing"))
        parser.add_argument("name", help=_("its name in the layout, for example root-2"))

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["path"].absolute()
        try:
            create_root(path, options["name"])
        except OSError as error:
            raise CommandError(str(error)) from error
        text = _("%(path)s is the storage root %(name)s.")
        self.stdout.write(text % {"path": path, "name": options["name"]})
