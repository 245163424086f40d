"""`manage.py run_bridge`: the one process of a node that stands between disk and database."""

import os
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from contentserver.operations.bridge import Bridge, BridgeRuns
from contentserver.store.errors import StoreError


class Command(BaseCommand):
    help = _(
        "Publishes policy and layout, brings audit records and versions into the database, until "
        "SIGTERM or Ctrl-C. A node has exactly one. It may be killed at any moment and started "
        "again; without PostgreSQL it goes on as far as the disk reaches. "
        "Example: manage.py run_bridge"
    )
    # The database may be away when the bridge starts: it waits for it.
    requires_system_checks = []
    requires_migrations_checks = False

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            bridge = Bridge(settings.CONFIG)
        except (BridgeRuns, StoreError, OSError) as error:
            raise CommandError(str(error)) from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_signal: bridge.stop())
        if not bridge.run():
            # A loop hangs in a frozen database or disk. Everything it does is idempotent.
            sys.stderr.flush()
            os._exit(0)
