"""What beat has done for the migrator. It looks first and may run twice: the disk and the change
log are the queue, not the broker.
"""

import logging
import threading
from multiprocessing.sharedctypes import RawValue
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.db import connections

from migrator.models import Source
from migrator.sync.conductor import RUNS_IN
from migrator.sync.plant import Plant, available_cores, opened_plant
from migrator.sync.slices import run_slice
from migrator.verify.slices import verify_slice

log = logging.getLogger(__name__)

SLICE = 50.0
"""Seconds. Beat starts the next one each minute; one that takes longer holds its source alone."""


VERIFY_SLICE = 240.0
"""Seconds; below the time limit of tasks."""


class _Ending:
    """Whether the worker was asked to end. Memory without a lock, shared with the processes that it
    forks: only the parent gets the signal, and a child may be killed at any moment.
    """

    def __init__(self) -> None:
        self._flag = RawValue("b", 0)

    def set(self, **_: Any) -> None:
        self._flag.value = 1

    def is_set(self) -> bool:
        return bool(self._flag.value)


class _Either(threading.Event):
    """Set by itself, or with the worker's end."""

    def __init__(self, ending: _Ending) -> None:
        super().__init__()
        self._ending = ending

    def is_set(self) -> bool:
        return self._ending.is_set() or super().is_set()


_ending = _Ending()
worker_shutting_down.connect(_ending.set, weak=False)


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def sync_sources() -> None:
    """A slice for each source that has sync switched on, all at the same time."""
    found = Source.objects.filter(sync_enabled=True, mode__in=RUNS_IN)
    names = list(found.values_list("name", flat=True))
    if not names:
        return
    stop = _Either(_ending)
    with opened_plant(settings.CONFIG, processes=available_cores()) as plant:
        threads = [
            threading.Thread(target=_sync, args=(name, plant, stop), name=f"sync-{name}")
            for name in names
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            # Also when the time limit of tasks interrupts: the store closes after its last user.
            stop.set()
            for thread in threads:
                thread.join()


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def verify_source(name: str) -> None:
    """Verify for some minutes, and ask for the next slice until it has ended."""
    source = Source.objects.get(pk=name)
    ended = verify_slice(source, settings.CONFIG, seconds=VERIFY_SLICE, stop=_ending.is_set)
    if not ended:
        verify_source.delay(name)


def _begin_at_once(**_: Any) -> None:
    """Beat would wait a minute after its own start."""
    sync_sources.delay()


worker_ready.connect(_begin_at_once, weak=False)


def _sync(name: str, plant: Plant, stop: "_Either") -> None:
    try:
        run_slice(name, plant, seconds=SLICE, stop=stop)
    except Exception:
        # The other sources go on; the next slice of this one does the rest.
        log.exception("sync_slice_failed", extra={"source": name})
    finally:
        connections.close_all()
