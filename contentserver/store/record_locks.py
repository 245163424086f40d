"""The lock of a legacy record: one importer at a time reads it and brings it to the disk.

One byte of `imports.lock`, beside `address.lock`, for each address and source. The kernel lets it
go when a process dies. Threads of one process wait for each other in memory, record by record.
"""

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from contentserver.store import fileops
from contentserver.store.address import address_of
from contentserver.store.environment import Environment
from contentserver.store.errors import UploadLocked
from contentserver.store.locks import wait_for_byte

RECORD_LOCKS = "imports.lock"
_HELD = "another import of this record does not come to an end; try again shortly"

RecordName = tuple[str, str, str]
"""Collection, key, source."""


class RecordLocks:
    """The locks of all records, for all threads of a process."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._turns = _Turns()

    @contextmanager
    def hold(self, record: RecordName, patience: float) -> Iterator[None]:
        """Hold one record. Raises UploadLocked after `patience` seconds."""
        with self.hold_many([record], patience) as held:
            if not held:
                raise UploadLocked(_HELD)
            yield

    @contextmanager
    def hold_many(
        self, records: Iterable[RecordName], patience: float
    ) -> Iterator[frozenset[RecordName]]:
        """Hold those of the records that were free within `patience` seconds in all.

        All who hold many take them in one order, so no two wait for each other.
        """
        wanted: dict[int, list[RecordName]] = {}
        for record in records:
            wanted.setdefault(self._byte_of(record), []).append(record)
        until = time.monotonic() + patience
        with ExitStack() as held:
            fd = fileops.open_lock(self._environment.roots.first().fd, RECORD_LOCKS)
            held.callback(fileops.close, fd)
            got = [byte for byte in sorted(wanted) if self._take(fd, byte, until, held)]
            yield frozenset(record for byte in got for record in wanted[byte])

    def _take(self, fd: int, byte: int, until: float, held: ExitStack) -> bool:
        if not self._turns.take(byte, until):
            return False
        if wait_for_byte(fd, byte, until):
            # Entered after the descriptor's, so left before: the next thread asks the kernel again.
            held.callback(self._turns.leave, byte)
            return True
        self._turns.leave(byte)
        return False

    def _byte_of(self, record: RecordName) -> int:
        collection, key, source = record
        address = address_of(self._environment.keyset.naming, collection, key)
        digest = hashlib.sha256(address + source.encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1


class _Turns:
    """A lock for each number that anybody waits for, and none for the others."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._turns: dict[int, tuple[threading.Lock, int]] = {}

    def take(self, number: int, until: float) -> bool:
        with self._guard:
            turn, takers = self._turns.get(number, (threading.Lock(), 0))
            self._turns[number] = (turn, takers + 1)
        if turn.acquire(timeout=max(until - time.monotonic(), 0)):
            return True
        self._forget(number)
        return False

    def leave(self, number: int) -> None:
        self._turns[number][0].release()
        self._forget(number)

    def _forget(self, number: int) -> None:
        with self._guard:
            turn, takers = self._turns[number]
            if takers == 1:
                del self._turns[number]
            else:
                self._turns[number] = (turn, takers - 1)
