"""What the writers have committed, where readers in other processes see it at once.

A reader notes a record's number before it asks; what it then gets may be newer, never older.
"""

import mmap
import os
from pathlib import Path
from typing import Self

SOURCES = ("chunked", "bytea", "objects")
_CONTENT, _FACTS, _DELETED = range(3)
_STOP, _PAUSE, _READ = range(3)
_WORDS = 8
WRITERS = 64


class Ledger:
    """One file of 8-byte numbers, mapped by all. `records` of each source."""

    def __init__(self, path: Path, records: int) -> None:
        self.path, self.records = path, records
        size = 8 * (_WORDS + 2 * WRITERS + 3 * len(SOURCES) * records)
        with path.open("a+b") as file:
            if os.fstat(file.fileno()).st_size == 0:
                file.truncate(size)
            self._numbers = memoryview(mmap.mmap(file.fileno(), size)).cast("q")

    @classmethod
    def of(cls, path: str, records: str) -> Self:
        """As the command line of another process names it."""
        return cls(Path(path), int(records))

    @property
    def arguments(self) -> list[str]:
        return [str(self.path), str(self.records)]

    # -- what is committed ------------------------------------------------------------------------

    def content(self, source: str, record: int) -> int:
        """The number of the newest content, or deletion, of which a COMMIT was acknowledged."""
        return self._numbers[self._at(_CONTENT, source, record)]

    def facts(self, source: str, record: int) -> int:
        """The number of the newest file name of which a COMMIT was acknowledged."""
        return self._numbers[self._at(_FACTS, source, record)]

    def deleted(self, source: str, record: int) -> int:
        """The number of the newest deletion that may be committed by now."""
        return self._numbers[self._at(_DELETED, source, record)]

    def deleting(self, source: str, record: int, number: int) -> None:
        """Before the COMMIT."""
        self._raise(_DELETED, source, record, number)

    def committed(
        self, source: str, record: int, number: int, *, content: bool, named: bool
    ) -> None:
        """After the COMMIT."""
        if content:
            self._raise(_CONTENT, source, record, number)
        if named:
            self._raise(_FACTS, source, record, number)

    def _raise(self, kind: int, source: str, record: int, number: int) -> None:
        at = self._at(kind, source, record)
        self._numbers[at] = max(self._numbers[at], number)

    def _at(self, kind: int, source: str, record: int) -> int:
        rows = (kind * len(SOURCES) + SOURCES.index(source)) * self.records
        return _WORDS + 2 * WRITERS + rows + record

    # -- what the writers shall do, and do --------------------------------------------------------

    @property
    def is_stopped(self) -> bool:
        return bool(self._numbers[_STOP])

    def stop(self) -> None:
        self._numbers[_STOP] = 1

    @property
    def is_read(self) -> bool:
        """Whether readers go on."""
        return not self._numbers[_READ]

    def stop_reading(self) -> None:
        self._numbers[_READ] = 1

    @property
    def is_paused(self) -> bool:
        return bool(self._numbers[_PAUSE])

    def pause(self, *, paused: bool) -> None:
        self._numbers[_PAUSE] = int(paused)

    def count(self, writer: int, changes: int) -> None:
        self._numbers[_WORDS + writer] += changes

    @property
    def changes(self) -> int:
        return sum(self._numbers[_WORDS : _WORDS + WRITERS])

    def is_begun(self, writers: int) -> bool:
        """Whether each of them has committed something."""
        return all(self._numbers[_WORDS : _WORDS + writers])

    def rest(self, writer: int, *, resting: bool) -> None:
        """Whether this writer has no transaction, prepared ones included."""
        self._numbers[_WORDS + WRITERS + writer] = int(resting)

    def resting(self, writers: int) -> bool:
        first = _WORDS + WRITERS
        return all(self._numbers[first : first + writers])
