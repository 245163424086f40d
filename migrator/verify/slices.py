"""A verification by the worker, in slices: each goes on where the one before ended."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from contentserver.conf import Config
from migrator.legacy.address import address_of
from migrator.legacy.snapshots import connect
from migrator.models import Source, Verification
from migrator.store import opened_store
from migrator.verify.run import Verifier

SEEN = timedelta(seconds=60)
"""One that gave no sign for so long is nobody's, and may be gone on with."""


class _SliceEnds(Exception):
    """Time is up; what was compared is written down."""


def verify_slice(
    source: Source, config: Config, *, seconds: float, stop: Callable[[], bool]
) -> bool:
    """Begin a verification, or go on with the unfinished one; whether it has ended.

    Raises what `Verifier.run` raises.
    """
    deadline = time.monotonic() + seconds

    def look(found: Verification) -> None:
        if found.finished_at is None and (stop() or time.monotonic() > deadline):
            raise _SliceEnds

    address = address_of(source.name, "read", config.home)
    with opened_store(config) as store:
        verifier = Verifier(
            store=store,
            source=source,
            connect=lambda: connect(address, application="contentserver verify"),
            workers=source.connections,
            progress=look,
        )
        try:
            verifier.run(resume=True)
        except _SliceEnds:
            return False
    return True


def is_under_way(source: Source) -> bool:
    """Whether some process goes on with a verification of this source now."""
    since = timezone.now() - SEEN
    return source.verifications.filter(finished_at=None, seen_at__gte=since).exists()
