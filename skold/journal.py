"""The journal: records that are on stable storage before anything they speak of leaves the house."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Scalar = str | int | bool | None


class JournalUnavailable(Exception):
    """Nothing can be recorded now: answer 503 with Retry-After and serve nothing."""


class Ticket:
    """One appended record. `n` is its number within `writer`; both may change until it is durable."""

    n: int
    writer: str

    def wait(self, timeout: float | None = None) -> None:
        """Block until the record is durable. Raises JournalUnavailable, also after `timeout` s."""
        raise NotImplementedError


class Journal:
    """A process's own writer. Thread-safe; start it after fork."""

    def __init__(
        self,
        dirs: Sequence[str | Path],
        node: str,
        epoch: int = 1,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """`clock` gives ns since the epoch, UTC. The second of `dirs` takes over when the first fails."""

    def start(self) -> None:
        """Open the first segment durably. Does not raise: see `healthy`; it retries in the background."""

    def close(self) -> None:
        """Write `close`, wait for it, give the slot free."""

    def append(
        self,
        kind: str,
        body: Mapping[str, Scalar],
        private: Mapping[str, str | None] | None = None,
        *,
        ref: Ticket | None = None,
    ) -> Ticket:
        """Number, chain and queue a record; never touches the disk. Raises JournalUnavailable.

        The journal itself fills in `at`, `kind`, `n`, `writer`, `group`, `ref` (from the `req`'s ticket) and
        `private` (the commitment): a body that brings one of these is a ValueError. The salt is added here.
        """
        raise NotImplementedError

    async def durable(self, ticket: Ticket) -> None:
        """Return once the record is on stable storage. Raises JournalUnavailable."""
        raise NotImplementedError

    healthy: bool
    lag_seconds: float  # how long the oldest record not yet durable has waited
    flushes: int
    records: int
