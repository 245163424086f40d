"""`manage.py legacy_sync`: the sync of one source in the foreground."""

import json
import os
import signal
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from migrator.management.asking import get_source
from migrator.models import Source
from migrator.sync.display import Display, terminal
from migrator.sync.plant import Plant, available_cores, opened_plant
from migrator.sync.slices import Ended, run_slice

PATIENCE = 90.0
"""Seconds to wait for another process's slice, which beat ends after 50."""
PAUSE = 5.0
"""Seconds before a legacy database that did not answer is asked again."""


class Command(BaseCommand):
    help = _(
        "Synchronises a source now, whether or not beat does so each minute, and shows how far it "
        "is. Ctrl-C ends it cleanly; so does kill -9. "
        "Example: manage.py legacy_sync photos --once"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source")
        parser.add_argument(
            "--once", action="store_true", help=_("end when nothing is left to be done now")
        )
        parser.add_argument("--seconds", type=float, help=_("end after so many seconds"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        source = get_source(options["source"])
        with (
            _stopped_by_signal() as stop,
            opened_plant(settings.CONFIG, processes=available_cores()) as plant,
            Display(terminal(), hidden=options["json"]) as display,
        ):
            ended = self._run(source.name, plant, display, stop, options)
        source.refresh_from_db()
        self._say(source, display, ended, as_json=options["json"])

    def _run(
        self,
        name: str,
        plant: Plant,
        display: Display,
        stop: threading.Event,
        options: dict[str, Any],
    ) -> Ended:
        began = time.monotonic()
        while True:
            passed = time.monotonic() - began
            left = None if options["seconds"] is None else options["seconds"] - passed
            ended = run_slice(
                name, plant, seconds=left, stop=stop, until_idle=options["once"], watch=display
            )
            if ended == "busy" and passed < PATIENCE and not stop.wait(0.5):
                continue
            tries_again = ended == "failed" and not options["once"]
            if not tries_again or (left is not None and left < PAUSE) or stop.wait(PAUSE):
                return ended

    def _say(self, source: Source, display: Display, ended: Ended, *, as_json: bool) -> None:
        figures, errors = display.figures, source.errors.count()
        if ended == "busy":
            raise CommandError(_("Another process synchronises this source. Try again later."))
        if ended == "off":
            text = _("In mode %(mode)s nothing is synchronised: legacy is not the truth any more.")
            raise CommandError(text % {"mode": source.mode})
        if as_json:
            facts = {
                "ended": ended,
                "files": figures.files,
                "bytes": figures.bytes,
                "looked_at": figures.looked_at,
                "failed": figures.failed,
                "errors": errors,
                "backlog": source.backlog,
                "backfill_finished": source.backfill_finished_at is not None,
                "held_back_by": figures.held_back_by,
                "last_error": source.last_error,
            }
            self.stdout.write(json.dumps(facts))
        if ended == "failed":
            raise CommandError(source.last_error)
        if not as_json:
            self.stdout.write(self._sentence(source, display, errors))

    def _sentence(self, source: Source, display: Display, errors: int) -> str:
        waiting = _("nothing is waiting")
        if source.backlog or source.backfill_finished_at is None:
            waiting = _("more is waiting: %(changes)s changes, backfill %(state)s") % {
                "changes": source.backlog,
                "state": _("done") if source.backfill_finished_at else _("not done"),
            }
        text = _("%(files)s files brought; %(waiting)s; %(errors)s records that failed.")
        return text % {"files": display.figures.files, "waiting": waiting, "errors": errors}


@contextmanager
def _stopped_by_signal() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C or SIGTERM. The second ends the process where it is, which loses
    nothing either.
    """
    stop = threading.Event()

    def end(*_: object) -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    ways = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, end) for number in ways}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
