"""The journal: records that are on stable storage before anything they speak of leaves the house.

One writer per process. `append` numbers, chains and queues a record in memory; a thread writes what
has gathered and syncs it, and only then tells those who wait. When the disk fails, or takes longer
than a second, that writer's life ends and another begins on the next directory; while there is
none, nothing can be recorded and nothing may be served. Start it after fork.
"""

import asyncio
import os
import time
from asyncio import _get_running_loop
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from skold import records
from skold.disk import Disk
from skold.life import Life, Terms
from skold.records import Scalar
from skold.segments import SEGMENT_SIZE
from skold.slots import check_node
from skold.succession import Succession
from skold.tickets import JournalUnavailable, Ticket

__all__ = ["Journal", "JournalUnavailable", "Scalar", "Ticket"]

RESERVED = frozenset(
    ("at", "kind", "n", "writer", "group", "ref", "ref_writer", "private", "again", "clipped")
)


class Journal:
    """A process's own writer; thread-safe."""

    def __init__(
        self,
        dirs: Sequence[str | Path],
        node: str,
        epoch: int = 1,
        clock: Callable[[], int] = time.time_ns,
        *,
        disk: Disk | None = None,
        patience: float = 1.0,
        beat: float = 10.0,
        segment_size: int = SEGMENT_SIZE,
    ) -> None:
        """`clock` gives ns since the epoch, UTC. The next of `dirs` takes over when one fails.

        Seconds: `patience` with the disk's slowest sync, `beat` after silence. Bytes:
        `segment_size`. Raises ValueError for a node's name that no folder can carry.
        """
        terms = Terms(
            check_node(node),
            epoch,
            clock,
            disk or Disk(),
            beat=beat,
            patience=patience,
            segment_size=segment_size,
        )
        self._lives = Succession(terms, [Path(d) for d in dirs])
        self._lock = self._lives.lock
        self._kicking: asyncio.AbstractEventLoop | None = None
        self.records = 0

    # -- for those who record ----------------------------------------------------------------------

    def append(
        self,
        kind: str,
        body: Mapping[str, Scalar],
        private: Mapping[str, str | None] | None = None,
        *,
        ref: Ticket | None = None,
    ) -> Ticket:
        """Number, chain and queue a record; never touches the disk. Raises JournalUnavailable.

        The journal itself fills in `at`, `kind`, `n`, `writer`, `group`, `ref` (from the `req`'s
        ticket) and `private` (the commitment): a body that brings one of them is a ValueError, a
        float a TypeError. `private` is what identifies persons; its salt is added here.
        """
        if not RESERVED.isdisjoint(body):
            raise ValueError(f"the journal itself writes {sorted(RESERVED.intersection(body))}")
        sealed = None if private is None else records.private_bytes(private, os.urandom(16))
        with self._lock:
            life = self._lives.life
            if life is None:
                return self._lives.hold(kind, body, sealed, ref)
            life.check_room()
            ticket = life.add(kind, body, sealed, ref)
            self.records += 1
            self._kick_soon(life)
        return ticket

    async def durable(self, ticket: Ticket) -> None:
        """Return once the record is on stable storage. Raises JournalUnavailable."""
        if ticket.group.check():
            return
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._lock:
            if ticket.group.check():
                return
            ticket.group.add_future(loop, future)
        await future

    def start(self) -> None:
        """Open the first segment durably. Does not raise: see `healthy`; it is tried again in the
        background.
        """
        self._lives.start()

    def close(self) -> None:
        """Write `close`, wait for it, give the slot free. What is appended later raises
        JournalUnavailable.
        """
        self._lives.stop()

    # -- for those who watch -----------------------------------------------------------------------

    @property
    def healthy(self) -> bool:
        """Whether records can be made durable now."""
        return self._lives.life is not None

    @property
    def reason(self) -> str | None:
        """Why it is not healthy."""
        return None if self.healthy else self._lives.reason

    @property
    def lag_seconds(self) -> float:
        """How long the oldest record not yet durable has waited; 0 when all are."""
        with self._lock:
            life = self._lives.life
            return life.waited() if life is not None else 0.0

    @property
    def flushes(self) -> int:
        """Groups made durable since the start."""
        return self._lives.flushes

    @property
    def writer(self) -> str | None:
        """Name of the living writer."""
        life = self._lives.life
        return life.writer if life is not None else None

    # -- under the lock ----------------------------------------------------------------------------

    def _kick_soon(self, life: Life) -> None:
        """Let the disk begin once the event loop has handled what is ready: records of one turn of
        the loop share a sync. Without a loop, at once.
        """
        loop = _get_running_loop()
        if loop is None:
            life.kick()
        elif loop is not self._kicking:
            self._kicking = loop
            loop.call_soon(self._kick)

    def _kick(self) -> None:
        with self._lock:
            self._kicking = None
            if self._lives.life is not None:
                self._lives.life.kick()
