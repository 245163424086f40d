"""`manage.py run_bridge`: the one process of a node that stands between disk and database."""

import faulthandler
import gc
import logging
import os
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from contentserver.commit_checks import UnusableCheck
from contentserver.operations.bridge import Bridge, BridgeRuns
from contentserver.store.errors import StoreError

ENDING = {signal.SIGTERM, signal.SIGINT}
LAST_RESORT = 4.5
"""Seconds after the signal; then the process ends wherever it is, and says where that was."""

POLITENESS = 10
"""Added to the bridge's niceness. In the minute in which everybody comes at once the processor
belongs to the data plane; what queues on disk meanwhile is caught up with afterwards.
"""


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
        # Blocked here and so in every thread, then waited for: a handler could interrupt the main
        # thread while it holds a lock that the handler itself needs.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            bridge = Bridge(settings.CONFIG)
        except (BridgeRuns, UnusableCheck, StoreError, OSError) as error:
            raise CommandError(str(error)) from error
        os.nice(POLITENESS)
        gc.collect()
        gc.freeze()  # Django stands for ever: nobody need look through it for each few records
        bridge.start()
        signal.sigwait(ENDING)
        faulthandler.dump_traceback_later(LAST_RESORT, exit=True)
        bridge.end()
        logging.shutdown()
        # Everything is closed, or hangs and is idempotent. The interpreter's own end would wait
        # for pools and threads once more.
        os._exit(0)
