"""`manage.py runserver`: both planes, as `make run` serves them, begun again when the code
changes.
"""

import os
from typing import Any

from django.core.management.commands.runserver import Command as DjangoCommand
from django.db import OperationalError, connections
from django.utils import autoreload
from django.utils.translation import gettext as _

from contentserver.conf import config
from contentserver.delivery.server import serve
from contentserver.web import BOTH, raise_open_files


class Command(DjangoCommand):
    help = _(
        "Serves the data plane (/v1/, /healthz, /readyz, /metrics) and the control plane on one "
        "port, for development. The bridge runs beside it: manage.py run_bridge. "
        "Example: manage.py runserver 8000"
    )
    default_port = str(config().port)
    addr: str
    port: str

    def run(self, **options: Any) -> None:
        """Addresses in answers name the port that was asked for; the reloader's child reads it."""
        os.environ["CONTENTSERVER_PORT"] = str(self.port)
        config.cache_clear()
        super().run(**options)

    def inner_run(self, *_args: Any, **options: Any) -> None:
        """Check, say where, serve until Ctrl-C; in a thread of the reloader unless --noreload."""
        autoreload.raise_last_exception()
        if not options["skip_checks"]:
            self.check(display_num_errors=True)
        self._say_what_is_not_migrated()
        host = self.addr.strip("[]")
        self.stdout.write(_("Both planes at http://%s:%s/ (Ctrl-C ends)") % (self.addr, self.port))
        raise_open_files()
        try:
            serve(BOTH, host=host, port=int(self.port))
        except SystemExit as end:
            # uvicorn has said why. From the reloader's thread only this ends the process.
            os._exit(int(end.code or 0))

    def _say_what_is_not_migrated(self) -> None:
        try:
            self.check_migrations()
        except OperationalError as error:
            text = _("The database does not answer; files are served all the same. %s")
            self.stderr.write(text % error)
        finally:
            connections.close_all()
