"""The step itself: one transaction that changes the mode and writes down why it was allowed.

The bridge publishes the new mode with the policy, and signs the statement. Nothing else has to
happen for the step to hold, so a process that dies here leaves either the old mode or the new one.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from contentserver import runtime
from contentserver.conf import Config
from migrator.cutover.facts import Facts
from migrator.cutover.gates import Gate
from migrator.cutover.statement import statement_of
from migrator.cutover.steps import FINAL
from migrator.models import CutOver, Source
from migrator.sync.lock import SyncRuns, resting_sync
from skold.services.rules import check_actor
from skold.signed import PolicyMissing, PolicyTooOld

SYNC_IN = (Source.Mode.LEGACY, Source.Mode.SHADOW, Source.Mode.HYBRID)


class GatesClosed(Exception):
    """A gate does not hold; nothing was changed."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        names = "; ".join(f"{gate.text} ({gate.found})" for gate in gates if not gate.passed)
        super().__init__(_("Not every gate holds: %(names)s") % {"names": names})


class ModeChanged(Exception):
    """Somebody else changed the mode meanwhile; nothing was changed by this step."""


class SyncGoesOn(ModeChanged):
    """Another process would go on importing what legacy says; nothing was changed."""


def apply_step(
    *, actor: str, source: Source, to: str, facts: Facts, gates: Sequence[Gate], config: Config
) -> CutOver:
    """Change the mode, durably; the certificate follows.

    Sync is on in the modes in which others write to legacy, and off in the others; on the way back
    to the former no writer counts as switched any more. Raises GatesClosed, ModeChanged,
    SyncGoesOn.
    """
    check_actor(actor)
    if not all(gate.passed for gate in gates):
        raise GatesClosed(gates)
    with _sync_at_rest(config, source, to), transaction.atomic():
        current = Source.objects.select_for_update().get(pk=source.pk)
        if (current.mode, current.final) != (facts.mode, facts.final):
            raise ModeChanged(
                _("The mode is %(mode)s by now; look again.") % {"mode": current.mode}
            )
        current.final = to == FINAL
        current.mode = Source.Mode.DISK if to == FINAL else Source.Mode(to)
        # Into shadow from legacy sync is as its operator has set it: the backfill may still run.
        if facts.mode != Source.Mode.LEGACY:
            current.sync_enabled = current.mode in SYNC_IN
        current.save(update_fields=["mode", "final", "sync_enabled", "updated_at"])
        if current.mode in SYNC_IN and facts.mode not in SYNC_IN:
            # Legacy takes the writes again: the marks would let the next step forward believe
            # that nobody writes there.
            writers = current.applications.filter(writes=True)
            writers.update(switched_at=None, switched_by="")
        made = CutOver(
            source=current, from_mode=facts.mode, to_mode=current.mode, asked_by=actor,
            gates=[gate.to_mapping() for gate in gates],
        )  # fmt: skip
        made.save()
        made.statement = statement_of(made, facts, config)
        made.save(update_fields=["statement"])
    return made


@contextmanager
def _sync_at_rest(config: Config, source: Source, to: str) -> Iterator[None]:
    """Into a mode without sync: none is under way when the mode changes."""
    if to in SYNC_IN:
        yield
        return
    try:
        with resting_sync(config, source):
            yield
    except SyncRuns as error:
        text = _("A sync of this source does not end; end legacy_sync, then try again.")
        raise SyncGoesOn(text) from error


def wait_until_published(
    config: Config,
    source: Source,
    *,
    patience: float = 30.0,
    sleep: Callable[[float], None] = time.sleep,
) -> float | None:
    """Seconds until the signed policy carried the source's mode; None if it did not in time."""
    file = runtime.policy_file(config, runtime.data_keyset(config))
    began = time.monotonic()
    while True:
        try:
            published: dict[str, Any] = file.current().payload
        except (PolicyMissing, PolicyTooOld):
            published = {}
        if _carries(published, source):
            return time.monotonic() - began
        if time.monotonic() - began > patience:
            return None
        sleep(0.05)


def _carries(policy: dict[str, Any], source: Source) -> bool:
    return any(
        (found["name"], found["mode"], found["final"]) == (source.name, source.mode, source.final)
        for found in policy.get("attached", {}).get("sources", ())
    )
