"""One slice of a source's sync: bounded in time, to be begun again at any moment, by anybody."""

import logging
import threading
from collections.abc import Callable
from typing import Literal

from migrator.legacy.mapping import DescriptionInvalid
from migrator.models import Source
from migrator.services.sources import get_description
from migrator.sync.book import Figures
from migrator.sync.clock import Clock, InstitutionClock
from migrator.sync.conductor import RUNS_IN, Conductor, Stop
from migrator.sync.lock import SyncRuns, sync_lock
from migrator.sync.plant import Plant
from migrator.sync.trouble import is_known, sentence

log = logging.getLogger(__name__)

Ended = Literal["done", "busy", "off", "failed"]
"""done: in time, or all that could be. busy: another process is at it. off: not in this mode.
failed: `Source.last_error` says why.
"""


def run_slice(
    name: str,
    plant: Plant,
    *,
    seconds: float | None,
    stop: Stop | None = None,
    until_idle: bool = False,
    clock: Clock | None = None,
    watch: Callable[[Source, Figures], None] = lambda _source, _figures: None,
) -> Ended:
    """Synchronise the source for `seconds` (None: without end), and with `until_idle` no longer
    than there is something to do. Raises django.db.Error; then the next slice does the rest.
    """
    try:
        with sync_lock(plant.config, name):
            source = Source.objects.filter(pk=name).first()
            if source is None or source.mode not in RUNS_IN:
                return "off"
            return _run(
                source, plant, seconds, stop or threading.Event(), until_idle,
                clock or InstitutionClock(plant.config.time_zone), watch,
            )  # fmt: skip
    except SyncRuns:
        return "busy"


def _run(  # noqa: PLR0917
    source: Source,
    plant: Plant,
    seconds: float | None,
    stop: Stop,
    until_idle: bool,
    clock: Clock,
    watch: Callable[[Source, Figures], None],
) -> Ended:
    try:
        description = get_description(source)
        Conductor(source, description, plant, clock, watch).run(
            seconds=seconds, stop=stop, until_idle=until_idle
        )
    except DescriptionInvalid as error:
        return _failed(source, error)
    except Exception as error:
        if not is_known(error):
            log.exception("sync_failed", extra={"source": source.name})
            _failed(source, error)
            raise
        return _failed(source, error)
    if source.last_error:
        Source.objects.filter(pk=source.pk).update(last_error="")
    return "done"


def _failed(source: Source, error: Exception) -> Ended:
    said = sentence(error)
    if said != source.last_error:
        log.warning("sync_stopped", extra={"source": source.name, "error": said})
    Source.objects.filter(pk=source.pk).update(last_error=said)
    return "failed"
