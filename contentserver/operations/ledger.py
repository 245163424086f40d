"""The bridge's loop over the ledger: journals to tree, and a checkpoint after each step.

Needs the disk alone. What it measures goes into the bridge's status and from there to /metrics.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from contentserver import checkpoint_keys
from contentserver.conf import Config
from contentserver.store.keyset import Keyset
from skold.ledger.sequencer import LIMIT, Sequencer

INTERVAL = 0.25
"""Seconds between two looks at the journals. A checkpoint has to follow within a second."""


class LedgerLoop:
    """Opens the ledger at its first step, and again after an error there."""

    def __init__(self, config: Config, reading: Keyset, signing: Keyset) -> None:
        """`reading` holds the verify keys, `signing` the keys of the bridge."""
        self._config = config
        self._checkpointer = checkpoint_keys.open_checkpointer(config, reading, signing)
        self._sequencer: Sequencer | None = None
        self._working = threading.Lock()
        self._covered = time.time()

    def step(self) -> bool:
        """Number and sign what has become durable; True if there is more to do right now.

        Raises LedgerForkedError, LedgerDamagedError, LedgerInUseError, MarkInvalidError,
        CheckpointInvalidError, OSError.
        """
        with self._working:
            if self._sequencer is None:
                config = self._config
                self._sequencer = Sequencer(
                    config.journal_dirs, config.ledger, config.node, checkpointer=self._checkpointer
                )
            numbered = self._sequencer.step()
            self._covered = self._sequencer.covered_at or self._covered
            return numbered >= LIMIT

    @contextmanager
    def resting(self) -> Iterator[None]:
        """A block in which nothing is sequenced; afterwards the ledger is opened anew, so that what
        the block changed is not written again from memory."""
        with self._working:
            try:
                yield
            finally:
                self.close()
                self._sequencer = None

    def facts(self) -> Mapping[str, Any]:
        """For the status file. Times are epoch seconds, so that they tell of a loop that hangs, or
        of a ledger that cannot even be opened.
        """
        sequencer, newest = self._sequencer, self._checkpointer.newest
        facts: dict[str, Any] = {
            "leaves": sequencer.mark.leaves if sequencer else None,
            "alarms": dict(sequencer.alarms) if sequencer else {},
            "checkpoint": newest.size if newest else None,
            "checkpoint_at": self._checkpointer.at,
            "covered_at": self._covered,
        }
        return {**facts, "gauges": list(_gauges(facts))}

    def close(self) -> None:
        """Give the ledger free."""
        if self._sequencer is not None:
            self._sequencer.close()


def _gauges(facts: Mapping[str, Any]) -> Iterator[list[Any]]:
    for name, text, value in (
        ("contentserver_ledger_leaves", "Records in the tree.", facts["leaves"]),
        (
            "contentserver_ledger_checkpoint_leaves",
            "Records under the newest checkpoint.",
            facts["checkpoint"],
        ),
        (
            "contentserver_ledger_checkpoint_timestamp_seconds",
            "When the newest checkpoint was signed.",
            facts["checkpoint_at"],
        ),
        (
            "contentserver_ledger_covered_timestamp_seconds",
            "When every durable record was last under a checkpoint.",
            facts["covered_at"],
        ),
        (
            "contentserver_ledger_alarms",
            "Writers whose journals are damaged.",
            len(facts["alarms"]),
        ),
    ):
        if value is not None:
            yield [name, text, [], [[[], value]]]
