"""The writers of a node's journals: who is to be read on, who is dead, whose journal is damaged."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from skold.journal_reader import Frame, Position, Tail, WriterReader, iter_writers

LIST_EVERY = 1.0
LOOK_AT_TAIL_EVERY = 1.0
"""Seconds between two looks at what the end of a silent writer means."""

log = logging.getLogger(__name__)


class Writers:
    """Readers of all writers that are not known to have ended.

    `alarms` maps the damaged ones to what was found; the others are read on.
    """

    def __init__(
        self,
        journal_dirs: Sequence[str | os.PathLike[str]],
        ended: Mapping[str, Position],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.alarms: dict[str, str] = {}
        self.ended = dict(ended)
        self._dirs = [Path(folder) for folder in journal_dirs]
        self._monotonic = monotonic
        self._readers: dict[str, WriterReader] = {}
        self._looked: dict[str, float] = {}
        self._dead: set[str] = set()
        self._known: list[tuple[Path, str]] = []
        self._changed: list[int] = []
        self._listed = float("-inf")

    def iter_readers(self, positions: Mapping[str, Position]) -> Iterator[tuple[str, WriterReader]]:
        """Each living writer's reader; one that is new begins at its position, or at the start."""
        for folder, writer in self._list():
            if writer in self.ended:
                continue
            if writer not in self._readers:
                self._readers[writer] = WriterReader(folder, writer, positions.get(writer))
            yield writer, self._readers[writer]

    def forget_positions(self) -> None:
        """Begin again from the positions given: what was read since is read again."""
        self._readers.clear()
        self._dead.clear()

    def check_private(self, writer: str, frames: Sequence[Frame]) -> None:
        """The chain holds, so the record counts; but somebody changed what it says of people."""
        for frame in frames:
            if frame.private and not frame.private_intact:
                self._raise_alarm(writer, f"the private part of record {frame.n} was changed")

    def has_ended(self, writer: str, reader: WriterReader) -> bool:
        """Whether a writer that had nothing new is dead and read to its end; damage is an alarm.

        It says so at the second look only: between our last read and its death it may have written.
        """
        now = self._monotonic()
        if now - self._looked.get(writer, float("-inf")) < LOOK_AT_TAIL_EVERY:
            return False
        self._looked[writer] = now
        tail = reader.tail()
        if tail is Tail.DAMAGED:
            at = reader.position
            where = f"segment {at.segment}, offset {at.offset}, record {at.n}"
            self._raise_alarm(writer, f"damaged at {where}")
        if tail is not Tail.ENDED:
            self._dead.discard(writer)
            return False
        if writer in self._dead:
            return True
        self._dead.add(writer)
        return False

    def retire(self, writer: str, position: Position) -> None:
        """Read it no more."""
        self.ended[writer] = position
        self._readers.pop(writer, None)
        self._looked.pop(writer, None)
        self._dead.discard(writer)

    def _list(self) -> list[tuple[Path, str]]:
        """Listed again when a folder has changed, and each second in any case: two changes within a
        tick of the clock leave the same time.
        """
        now = self._monotonic()
        changed = [os.stat(path).st_mtime_ns if path.is_dir() else 0 for path in self._dirs]
        if changed != self._changed or now - self._listed >= LIST_EVERY:
            self._known = [(path, name) for path in self._dirs for name in iter_writers(path)]
            self._changed, self._listed = changed, now
        return self._known

    def _raise_alarm(self, writer: str, said: str) -> None:
        if self.alarms.get(writer) != said:
            log.error("journal_damaged: writer %s: %s", writer, said)
        self.alarms[writer] = said
