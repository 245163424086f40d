"""Refusals of the control plane in a flood: the first ones in full, the rest counted, as on the
data plane; and the limits of clients.
"""

import logging
import threading
import time
from typing import NamedTuple

from skold.flood import Flood, record_counts
from skold.gate import Principal, Reject
from skold.guessing import Guessing
from skold.journal import Journal
from skold.limits import Excess, Limits
from skold.policy import Policy

log = logging.getLogger(__name__)


class Verdict(NamedTuple):
    """Whether a refusal is recorded in full or only counted; 401, or 429 for so many seconds."""

    recorded: bool
    retry_after: int


class Refusals:
    """Shared by the threads of a process. A thread of its own records the counts, each second in
    which there were some.
    """

    def __init__(self, journal: Journal, limits: Limits, guessing: Guessing) -> None:
        self._journal = journal
        self._limits = limits
        self._guessing = guessing
        self._flood = Flood()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def exceeds(self, principal: Principal, address: str, policy: Policy) -> Excess | None:
        """Count a request with a valid credential; why not, where it is one too many."""
        with self._lock:
            return self._limits.admit(principal, address, policy)

    def records_excess(self, excess: Excess, principal: Principal, address: str) -> bool:
        """Whether a request beyond a limit is to be recorded in full; else it is counted."""
        with self._lock:
            return self._admit(principal.credential, address, excess.reason, valid=True)

    def judge(self, reject: Reject, address: str) -> Verdict:
        """What becomes of a request without a valid credential."""
        with self._lock:
            for kind in self._guessing.note(reject.reason, reject.credential, address, time.time()):
                log.warning("guessing_noticed", extra={"by": kind, "credential": reject.credential})
            crowded = self._limits.admit_stranger(address)
            recorded = self._admit(reject.credential, address, reject.reason)
        if crowded is not None:
            return Verdict(recorded, crowded.retry_after)
        return Verdict(recorded, 0 if recorded else 1)

    def flush(self) -> None:
        """Record all that was counted, the second that is not over included. At the end."""
        with self._lock:
            self._append_counts(time.time() + 1)

    def _admit(
        self, credential: str | None, address: str, reason: str, *, valid: bool = False
    ) -> bool:
        admitted = self._flood.admit(credential, address, time.time(), reason, valid=valid)
        if not admitted and self._timer is None:
            self._wake_in_a_second()
        return admitted

    def _wake_in_a_second(self) -> None:
        self._timer = threading.Timer(1.0, self._count)
        self._timer.daemon = True
        self._timer.start()

    def _count(self) -> None:
        with self._lock:
            self._timer = None
            self._append_counts(time.time())
            if self._flood.is_counting:
                self._wake_in_a_second()

    def _append_counts(self, now: float) -> None:
        record_counts(self._journal, "control", self._flood.take_counts(now))
