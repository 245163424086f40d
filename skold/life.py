"""One writer's life: a thread that makes groups of records durable, from `open` to `close` or a
failed disk.

A life never comes back: after an error, or when it takes too long, the journal ends it and begins
another. `add`, `kick`, `take_unsettled` are called under the journal's lock; the disk is touched by
the thread alone.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from skold import records
from skold.backlog import Backlog
from skold.disk import Disk
from skold.journal_reader import Tip, find_tip
from skold.records import Scalar
from skold.segments import SEGMENT_SIZE, Segments
from skold.slots import WriterName, list_writers, take_slot
from skold.tickets import Group, JournalUnavailable, Ticket
from skold.timestamps import Timestamps

FORMAT = "skold-journal-1"
MAX_PENDING = 16 * 1024 * 1024  # bytes of one group: far above what a second of full load appends


@dataclass(frozen=True, slots=True)
class Terms:
    """What all lives of a journal share. Seconds, bytes; `clock` gives ns since the epoch, UTC."""

    node: str
    epoch: int
    clock: Callable[[], int]
    disk: Disk
    collect: float = 0.002
    beat: float = 10.0
    patience: float = 1.0
    segment_size: int = SEGMENT_SIZE


class Life:
    """Numbers, chains and writes the records of one writer."""

    def __init__(
        self,
        terms: Terms,
        directory: Path,
        lock: Lock,
        *,
        after: Tip | None,
        on_failure: Callable[["Life", str], None],
    ) -> None:
        """`after` is the last durable record of the life that failed before this one."""
        self.directory = directory
        self.writer = ""
        self.failed: str | None = None
        self.flushes = 0
        self.opened = threading.Event()
        self.thread = threading.Thread(target=self._run, name="skold-journal", daemon=True)
        self._terms = terms
        self._after = after
        self._on_failure = on_failure
        self._lock = lock
        self._work = threading.Condition(lock)
        self._stamp = Timestamps()
        self._n = 0
        self._chain = b""
        self._filling: Group | None = None
        self._in_flight: Group | None = None
        self._synced: Tip | None = None
        self._kicked = self._closing = self._ended = False

    # -- called by the journal, under its lock -----------------------------------------------------

    def add(
        self,
        kind: str,
        body: Mapping[str, Scalar],
        private: tuple[bytes, str] | None,
        ref: Ticket | None = None,
        ticket: Ticket | None = None,
    ) -> Ticket:
        """Number and chain a record; `ticket` is the one to renew when it is repeated or was held
        back.

        Raises TypeError for a value that cannot be recorded; then nothing has changed.
        """
        group = self._filling or Group()
        n = self._n
        first = group.tickets[0].n if group.tickets else n
        fields = {"at": self._stamp(self._terms.clock()), **body}
        fields.update(kind=kind, n=n, writer=self.writer, group=first)
        if ref is not None:
            fields["ref"] = ref.n
            if ref.writer != self.writer:
                fields["ref_writer"] = ref.writer
        raw_private = b""
        if private is not None:
            raw_private, fields["private"] = private
        raw = records.body_bytes(fields)
        self._chain = chain = records.next_chain(self._chain, records.leaf_hash(raw))
        frame = records.frame_bytes(n, chain, raw, raw_private)
        self._n = n + 1
        self._filling = group
        group.frames.append(frame)
        group.size += len(frame)
        if ticket is None:
            ticket = Ticket(self._lock, group, n, self.writer, ref)
        else:
            ticket.renew(group, n, self.writer)
        group.tickets.append(ticket)
        return ticket

    def check_room(self) -> None:
        """Raises JournalUnavailable if the disk does not keep up."""
        if self._filling is not None and self._filling.size > MAX_PENDING:
            raise JournalUnavailable("the journal's disk does not keep up")

    def kick(self) -> None:
        """What was added so far shall go to the disk now."""
        if self._filling is not None:
            self._kicked = True
            self._work.notify()

    def repeat(self, backlog: Backlog) -> None:
        """Record once more what an earlier life could not make durable; its waiters now wait for
        this one.
        """
        for entry in backlog.entries:
            self.add(entry.kind, entry.body, entry.private, entry.ticket.ref, entry.ticket)
        if self._filling is not None:
            for group in backlog.groups:
                self._filling.adopt(group)
        self.kick()

    def finish(self) -> Ticket:
        """The last record; the thread ends behind it."""
        ticket = self.add("close", {}, None)
        self._closing = True
        self.kick()
        return ticket

    def take_unsettled(self) -> list[Group]:
        """End this life: nothing of it will be acknowledged from now on, whatever the disk still
        does.
        """
        self._ended = True
        self._work.notify()
        groups = [group for group in (self._in_flight, self._filling) if group is not None]
        self._in_flight = self._filling = None
        return groups

    @property
    def tip(self) -> Tip | None:
        """The last durable record."""
        return self._synced

    def waited(self) -> float:
        """Seconds the oldest record that is not yet durable has waited; 0 if all are."""
        oldest = self._in_flight or self._filling
        return time.monotonic() - oldest.born if oldest is not None else 0.0

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        with contextlib.ExitStack() as held:
            try:
                self._open(held)
                while self._serve():
                    pass
                if not self._ended:
                    self._segments.give_back()
            except Exception as error:  # noqa: BLE001 - whatever it was, its records are not durable
                self.failed = f"{self.directory}: {error}"
                self._on_failure(self, self.failed)
                self.opened.set()

    def _open(self, held: contextlib.ExitStack) -> None:
        disk, terms = self._terms.disk, self._terms
        slot, fd = take_slot(self.directory, disk)
        held.callback(os.close, fd)
        before = [w for w in list_writers(self.directory) if w.slot == slot]
        start = max([terms.clock() // 1000, *(w.start + 1 for w in before)])
        self.writer = str(WriterName(terms.node, terms.epoch, slot, start))
        disk.make_folder(self.directory / self.writer)
        self._segments = Segments(disk, self.directory / self.writer, terms.segment_size)
        held.callback(self._segments.close)
        self._chain = records.genesis(self.writer)
        previous = next(filter(None, (find_tip(self.directory, w) for w in reversed(before))), None)
        with self._lock:
            self.add("open", self._opening(slot, previous), None)
            self.kick()
        self._serve()
        self.opened.set()

    def _opening(self, slot: int, previous: Tip | None) -> dict[str, Scalar]:
        terms = self._terms
        body: dict[str, Scalar] = {"format": FORMAT, "node": terms.node, "epoch": terms.epoch}
        body["slot"] = slot
        for name, tip in (("previous", previous), ("after", self._after)):
            if tip is not None:
                body |= {name: tip.writer, f"{name}_n": tip.n, f"{name}_chain": tip.chain.hex()}
        return body

    def _serve(self) -> bool:
        """One group, or one beat of silence, made durable. False when this life is over."""
        with self._lock:
            self._wait_for_work()
            if self._ended:
                return False
            group, self._filling, self._kicked = self._filling, None, False
            self._in_flight = group
            tip = Tip(self.writer, self._n - 1, self._chain)
            frames = group.frames if group is not None else [self._beat(tip)]
        self._segments.write_durably(b"".join(frames))
        return self._acknowledge(group, tip)

    def _acknowledge(self, group: Group | None, tip: Tip) -> bool:
        with self._lock:
            if self._ended:  # while the disk was busy: another writer repeats these records
                return False
            self.flushes += 1
            self._synced, self._in_flight = tip, None
            if group is not None:
                group.settle(None)
            return not (self._closing and self._filling is None)

    def _wait_for_work(self) -> None:
        silence = time.monotonic() + self._terms.beat
        while not (self._ended or self._kicked):
            waiting = self._filling
            until = silence if waiting is None else waiting.born + self._terms.collect
            rest = until - time.monotonic()
            if rest <= 0:
                return
            self._work.wait(rest)

    def _beat(self, tip: Tip) -> bytes:
        fields: dict[str, Scalar] = {"kind": "beat", "at": self._stamp(self._terms.clock())}
        fields |= {"n": tip.n, "writer": self.writer}
        return records.frame_bytes(tip.n, tip.chain, records.canonical(fields), b"")
