"""All places of a node, each on a thread of its own: one that hangs holds up none of the others.

Its `step` is a loop of the bridge. It touches no database.
"""

import datetime as dt
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skold.anchors.anchoring import Anchoring
from skold.anchors.places import parse_places
from skold.anchors.state import ALARM, AnchorState, read_state
from skold.anchors.ways import NotAnchoredError, Ways

log = logging.getLogger(__name__)

INTERVAL = 5.0
"""Seconds between two looks at whether a place is due."""


class Anchors:
    """Starts what is due, and tells how it stands."""

    def __init__(
        self, ledger: Path, addresses: Sequence[str], ways: Ways, *, interval: float
    ) -> None:
        """`interval` in seconds, of each place."""
        self._ledger = ledger
        self._addresses = addresses
        places, wrong = parse_places(addresses)
        for sentence in wrong:
            log.error("anchor_address_invalid", extra={"error": sentence})
        self._all = [Anchoring(ledger, place, ways, interval=interval) for place in places]
        self._running: dict[str, threading.Thread] = {}

    def step(self) -> bool:
        """Returns at once; False, as a loop's step that has no more to do right now."""
        for anchoring in self._all:
            running = self._running.get(anchoring.place.name)
            if (running is None or not running.is_alive()) and anchoring.is_due():
                self._start(anchoring)
        return False

    def join(self, timeout: float) -> bool:
        """Whether every attempt has ended within `timeout` seconds each."""
        for thread in self._running.values():
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._running.values())

    def facts(self) -> Mapping[str, Any]:
        """For the bridge's status: warnings of /readyz, and metrics."""
        state = read_state(self._ledger, self._addresses)
        return {"problems": problems_of(state), "gauges": _gauges(state)}

    def _start(self, anchoring: Anchoring) -> None:
        # A daemon: an attempt may be lost at any moment, the next one sends the same again.
        thread = threading.Thread(
            target=_attempt, args=(anchoring,), name=f"anchor-{anchoring.place.name}", daemon=True
        )
        self._running[anchoring.place.name] = thread
        thread.start()


def problems_of(state: AnchorState) -> list[str]:
    """One sentence for each that a person must look at, without paths and mailboxes."""
    found = list(state.wrong)
    for name, seconds in state.age.items():
        if seconds > ALARM.total_seconds():
            hours = int(seconds // 3600)
            error = state.error.get(name, "no error")
            found.append(f"no checkpoint has reached {name} for {hours} hours: {error}")
    return found


def _attempt(anchoring: Anchoring) -> None:
    try:
        anchoring.attempt()
    except NotAnchoredError:
        return  # logged, and in the state
    except Exception:
        log.exception("anchor_attempt_failed", extra={"place": anchoring.place.name})


def _gauges(state: AnchorState) -> list[list[Any]]:
    now = dt.datetime.now(dt.UTC)
    newest = {name: (now - at).total_seconds() for name, at in state.last.items()}
    return [
        ["contentserver_anchor_places", "Places that checkpoints go to.", [],
         [[[], len(state.places)]]],
        ["contentserver_anchor_age_seconds",
         "Since a place was last up to date with the ledger.", ["place"], _samples(state.age)],
        ["contentserver_anchor_last_seconds", "Since a place took its newest checkpoint.",
         ["place"], _samples(newest)],
        ["contentserver_anchor_failures", "Attempts that have failed since the last success.",
         ["place"], _samples(state.failures)],
    ]  # fmt: skip


def _samples(values: Mapping[str, float]) -> list[list[Any]]:
    return [[[name], value] for name, value in values.items()]
