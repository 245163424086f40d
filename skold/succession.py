"""Which writer lives: watches the living one's disk, ends it when it fails, begins the next.

A thread of its own does this, because the writer's thread may hang in the kernel for as long as a
disk likes.
"""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from skold.backlog import Backlog, Entry
from skold.journal_reader import Tip
from skold.life import Life, Terms
from skold.records import Scalar
from skold.tickets import LIMBO, Group, JournalUnavailable, Ticket

_WATCH = 0.05  # seconds between two looks at the disk's patience
_BACK_OFF = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)  # seconds before the next attempt to open a writer
_OPENING = 2  # times the patience: allocating a segment is more work than a sync
_log = logging.getLogger(__name__)


class Succession:
    """`life` is the living writer or None; read and use it under `lock`."""

    def __init__(self, terms: Terms, dirs: list[Path]) -> None:
        self.lock = threading.Lock()
        self.life: Life | None = None
        self.reason = "the journal is not open yet"
        self._changed = threading.Condition(self.lock)
        self._terms = terms
        self._dirs = dirs
        self._last = dirs[-1]
        self._threads: dict[Path, threading.Thread] = {}
        self._backlog = Backlog()
        self._held: Group | None = None
        self._after: Tip | None = None
        self._past_flushes = 0
        self._tried = False  # whether the first attempt is over, well or not
        self._closing = False
        self._keeper = threading.Thread(target=self._keep, name="skold-keeper", daemon=True)

    def start(self) -> None:
        """Returns when the first writer is open, or an attempt at each directory has failed."""
        self._keeper.start()
        with self.lock:
            self._changed.wait_for(lambda: self._tried)

    def stop(self) -> None:
        """End the living writer in order; whatever waits for another one is refused."""
        with self.lock:
            life, self.life = self.life, None
            self._closing, self.reason = True, "the journal is closed"
            self._refuse()
            last = life.finish() if life is not None else None
            self._changed.notify_all()
        if life is not None and last is not None:
            try:
                last.wait(self._terms.patience)
            except JournalUnavailable as error:
                _log.warning("the journal could not be closed in order: %s", error)
        self._keeper.join(self._terms.patience * _OPENING)
        for thread in list(self._threads.values()):
            thread.join(self._terms.patience)

    @property
    def flushes(self) -> int:
        """Groups made durable by all lives."""
        with self.lock:
            return self._past_flushes + (self.life.flushes if self.life is not None else 0)

    def hold(
        self,
        kind: str,
        body: Mapping[str, Scalar],
        private: tuple[bytes, str] | None,
        ref: Ticket | None,
    ) -> Ticket:
        """Keep a record for the writer that is about to take over. Raises JournalUnavailable if
        none is.
        """
        if self._held is None:
            raise JournalUnavailable(self.reason)
        ticket = Ticket(self.lock, self._held, LIMBO, "", ref)
        self._backlog.hold(Entry(ticket, kind, body, private))
        return ticket

    # -- the keeper's thread -----------------------------------------------------------------------

    def _keep(self) -> None:
        failures = 0
        while not self._closing:
            pause = _WATCH
            if self.life is not None:
                self._watch(self.life)
            elif self._begin_anywhere():
                failures = 0
            else:
                pause = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
                failures += 1
            with self.lock:
                if not self._closing and (self.life is not None or pause != _WATCH):
                    self._changed.wait(pause)

    def _watch(self, life: Life) -> None:
        with self.lock:
            waited = life.waited()
            if waited > _WATCH:
                life.kick()  # its event loop did not come round to it
        if waited > self._terms.patience:
            self._over(life, f"{life.directory}: no sync within {self._terms.patience} s")

    def _begin_anywhere(self) -> bool:
        place = self._dirs.index(self._last) + 1
        for directory in self._dirs[place:] + self._dirs[:place]:
            if not self._still_hangs(directory) and self._begin(directory):
                return True
        with self.lock:
            self._refuse()
            self._tried = True
            self._changed.notify_all()
        return False

    def _still_hangs(self, directory: Path) -> bool:
        """Whether the last writer there is still in the kernel; a moment is left to it."""
        thread = self._threads.get(directory)
        if thread is None:
            return False
        thread.join(_WATCH)
        return thread.is_alive()

    def _begin(self, directory: Path) -> bool:
        life = Life(self._terms, directory, self.lock, after=self._after, on_failure=self._over)
        reason = f"{directory}: no writer could be opened in time"
        try:
            life.thread.start()
        except RuntimeError as error:  # the process may have no more threads
            reason = f"{directory}: {error}"
        else:
            self._threads[directory] = life.thread
            life.opened.wait(self._terms.patience * _OPENING)
        with self.lock:
            if life.failed is None and life.opened.is_set() and not self._closing:
                self._install(life)
                return True
            self.reason = life.failed or reason
            _log.error("no journal writer: %s", self.reason)
            life.take_unsettled()
        return False

    def _install(self, life: Life) -> None:
        self.life, self._held = life, None
        life.repeat(self._backlog)
        self._backlog = Backlog()
        self._tried = True
        self._changed.notify_all()

    def _over(self, life: Life, reason: str) -> None:
        """The life ends; its records wait for the next one, or are refused where there is no other
        disk.
        """
        with self.lock:
            if life is not self.life:
                return
            _log.error("a journal writer's life ended: %s", reason)
            self.life, self.reason = None, reason
            self._past_flushes += life.flushes
            self._after, self._last = life.tip, life.directory
            self._backlog.take_over(life.take_unsettled())
            if len(self._dirs) > 1:
                self._held = Group()
                self._backlog.groups.append(self._held)
            else:
                self._refuse()
            self._changed.notify_all()

    def _refuse(self) -> None:
        self._backlog.refuse(self.reason)
        self._held = None
