"""`manage.py open_year`: let a year take files, on one storage root."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from contentserver.catalog.models import LayoutRequest
from contentserver.operations.layout_sync import request_year
from skold.control.commands import actor


class Command(BaseCommand):
    help = _(
        "Asks the bridge to open a year on a storage root: the next one before it begins, or "
        "the current one. In December beat asks by itself. With --importing: an earlier year, "
        "which then takes files imported from a legacy database and no commits. "
        "Examples: manage.py open_year 2027 --root root-2, "
        "manage.py open_year 2019 --importing"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("year", type=int)
        parser.add_argument(
            "--importing", action="store_true", help=_("an earlier year, for imports only")
        )
        parser.add_argument("--root", default="root-1", help=_("name of the storage root"))
        parser.add_argument(
            "--wait", type=float, default=15.0, help=_("seconds to wait for the bridge's answer")
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        request = request_year(
            actor=actor(),
            year=options["year"],
            root=options["root"],
            importing=options["importing"],
        )
        deadline = time.monotonic() + options["wait"]
        while request.answered_at is None:
            if time.monotonic() > deadline:
                raise CommandError(_("The bridge has not answered yet; is run_bridge running?"))
            time.sleep(0.1)
            request.refresh_from_db()
        self._say(request)

    def _say(self, request: LayoutRequest) -> None:
        if request.refusal:
            raise CommandError(request.refusal)
        text = _("The layout with the number %(number)s has %(year)s on %(root)s.")
        facts = {"number": request.layout_number, "year": request.year, "root": request.root}
        self.stdout.write(text % facts)
