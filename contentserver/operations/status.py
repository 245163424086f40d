"""The bridge's status file: what /readyz and /metrics know of it. Not durable: it speaks of now.

{"node", "pid", "at": epoch seconds, "problems": [text], "outbox": {"new": lag, "catalog": lag},
"loops": {name: {"last_success": epoch seconds, "last_error", "failures", "facts"}}}. Lags are
seconds, null for none. `problems` is shown to anybody: it names no path, key or person.
"""

import dataclasses
import datetime as dt
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contentserver.operations.loops import Loop
from contentserver.store.outbox import Outbox


class StatusFile:
    """Replaces the file as a whole, so a reader never meets half of it."""

    def __init__(self, path: Path, *, node: str, outbox: Outbox, boxes: Sequence[str]) -> None:
        self._path = path
        self._node = node
        self._outbox = outbox
        self._boxes = boxes

    def write(self, loops: Sequence[Loop]) -> None:
        """Raises OSError."""
        now = time.time()
        document: Mapping[str, Any] = {
            "node": self._node,
            "pid": os.getpid(),
            "at": now,
            "problems": [text for loop in loops for text in _problems(loop)],
            "outbox": {box: lag(self._outbox, box, now) for box in self._boxes},
            "loops": {loop.name: dataclasses.asdict(loop.state) for loop in loops},
        }
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(document))
        temporary.replace(self._path)


def _problems(loop: Loop) -> list[str]:
    state = loop.state
    found = []
    if state.failures and state.last_error:
        kind = state.last_error.partition(":")[0]
        found.append(f"{loop.name} has failed {state.failures} times: {kind}")
    for name in ("alarms", "waiting_aside"):
        number = state.facts.get(name)
        if number:
            count = number if isinstance(number, int) else len(number)
            found.append(f"{loop.name}: {count} {name.replace('_', ' ')}")
    found += [f"{loop.name}: {text}" for text in state.facts.get("problems", ())]
    return found


def lag(outbox: Outbox, box: str, now: float) -> float | None:
    """Seconds since the oldest minute with an entry began; None when all is taken."""
    oldest = outbox.oldest_minute(box)
    if oldest is None:
        return None
    return max(0.0, now - oldest.replace(tzinfo=dt.UTC).timestamp())
