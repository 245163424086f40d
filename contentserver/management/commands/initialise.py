"""`manage.py initialise`: everything that must exist before the servers of a node start."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from contentserver.conf import Config
from contentserver.operations.first_start import StartRefused, prepare
from contentserver.operations.logins import LoginsMissing, make_logins
from contentserver.store.errors import StoreError
from skold.database_roles import RolesMissing
from skold.roles import ROLES


class Command(BaseCommand):
    help = _(
        "Makes secrets, keysets, storage roots and the first layout where they are missing, and "
        "brings the database up to date. Safe to run at every start: what is there stays. "
        "Example: manage.py initialise"
    )
    # It makes the secret key that the checks ask for.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--demo",
            action="store_true",
            help=_("also a collection, a client with a key and an administrator, in demo.json"),
        )
        parser.add_argument(
            "--no-database",
            action="store_true",
            help=_("only what lies on disk; for a node that serves before its database is there"),
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        config = settings.CONFIG
        try:
            fresh = prepare(config)
        except (StartRefused, StoreError, OSError) as error:
            raise CommandError(str(error)) from error
        if fresh:
            self.stdout.write(_("Made keys, storage roots and layout in %s.") % config.home)
        if options["no_database"]:
            return
        self._make_database(config, options["verbosity"])
        if options["demo"]:
            self._make_demo()

    def _make_database(self, config: Config, verbosity: int) -> None:
        try:
            call_command("migrate", interactive=False, verbosity=verbosity)
            made = make_logins(config)
        except (RolesMissing, LoginsMissing) as error:
            raise CommandError(str(error)) from error
        if made:
            self.stdout.write(_("Made users of the database: %s.") % ", ".join(made))
        groups = ", ".join(ROLES)
        self.stdout.write(_("Groups for people, given in the admin: %s.") % groups)

    def _make_demo(self) -> None:
        from contentserver.operations.demo import make_demo  # noqa: PLC0415 - needs the tables

        if make_demo(settings.CONFIG):
            self.stdout.write(_("Made a collection, a client and an administrator to try with."))
        # By its name: the migrator stands above this app.
        call_command("demo_legacy", stdout=self.stdout)
