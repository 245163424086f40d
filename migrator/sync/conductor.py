"""Which job comes next, and what becomes of its result: the one thread of a sync that decides.

One hand is kept free for changes where there are several; the others take changes first as well,
then errors whose time has come, comparison and backfill in turn.
"""

import logging
import queue
from collections.abc import Callable
from functools import partial
from typing import Protocol

from migrator.legacy import capture
from migrator.legacy.description import Description
from migrator.models import Source
from migrator.sync.appended import Appended
from migrator.sync.backfill import Backfill
from migrator.sync.book import TOO_MANY, Book, Figures
from migrator.sync.changes import Changes
from migrator.sync.clock import Clock
from migrator.sync.comparison import Comparison
from migrator.sync.crew import Crew, Line
from migrator.sync.hands import Done, Hand, Job, Tools
from migrator.sync.plant import Plant
from migrator.sync.retries import Retries
from migrator.sync.throttle import Throttle
from migrator.sync.trouble import NotCaptured, NothingWorks

log = logging.getLogger(__name__)

RUNS_IN = frozenset({Source.Mode.LEGACY, Source.Mode.SHADOW, Source.Mode.HYBRID})
_READ_AGAIN = (
    "mode", "sync_enabled", "quiet_from", "quiet_to", "max_rate", "comparison_wanted_at"
)  # fmt: skip
_EACH = 1.0
"""Seconds between two looks at what an operator changed."""


class Stop(Protocol):
    """Somebody wants the slice to end: a threading.Event, for one."""

    def is_set(self) -> bool: ...


class Duty(Protocol):
    """Some of the work; knows what of it can be done now."""

    def next(self) -> Job | None: ...


class Conductor:
    """One slice of the sync of one source. Used once; the caller holds the source's lock."""

    def __init__(
        self,
        source: Source,
        description: Description,
        plant: Plant,
        clock: Clock,
        watch: Callable[[Source, Figures], None],
    ) -> None:
        """`watch` is called several times a second with what is known by then."""
        self.source = source
        self._description = description
        self._plant = plant
        self._clock = clock
        self._watch = watch
        self._book = Book(source, clock)
        self._throttle = Throttle(source.max_rate, clock.monotonic)
        self._comparison = Comparison(self._book, clock, description, plant.store, self._throttle)
        self._backfill = Backfill(self._book, clock, self._throttle)
        self._retries = Retries(self._book, clock)
        self._captured = self._make_captured()
        self._turns: list[Duty] = [self._retries, self._comparison, self._backfill]
        self._done: queue.Queue[Done] = queue.Queue()
        self._hands: list[Hand] = []
        self._crew: Crew | None = None
        self._idle: list[Hand] = []
        self._looked_at = clock.monotonic()
        self._is_wanted = True
        self._failure: Exception | None = None

    def run(self, *, seconds: float | None, stop: Stop, until_idle: bool) -> None:
        """Work until the time is over, `stop` is set, an operator wants no sync any more, or, with
        `until_idle`, nothing can be done. Raises what a job raised; everything before it counts.
        """
        ends_at = None if seconds is None else self._clock.monotonic() + seconds
        try:
            self._prepare()
            while not (stop.is_set() or self._is_over(ends_at) or self._failure):
                self._give()
                if until_idle and self._is_idle():
                    break
                self._receive()
                self._look_around()
        finally:
            self._end()
        if self._failure is not None:
            raise self._failure

    # -- beginning and end ------------------------------------------------------------------------

    def _prepare(self) -> None:
        """The first connection: is what changes captured, and how many records are there?"""
        importer = self._plant.importer(self._description)
        name, count = self.source.name, self.source.connections
        crew = self._crew = self._plant.crew(self._description, count)

        def open_tools(line: Line | None) -> Tools:
            connection = self._plant.connect(name)
            try:
                return Tools(connection, self._description, importer, line)
            except BaseException:
                connection.close()
                raise

        self._hands = [
            Hand(
                partial(open_tools, crew.line()),
                self._done,
                urgent_only=count > 1 and number == 0,
            )
            for number in range(count)
        ]
        self._idle = list(self._hands)
        by_triggers = self.source.capture == Source.Capture.TRIGGERS
        survey = Job(lambda tools: _survey(tools, by_triggers=by_triggers), self._take_survey)
        self._idle.pop().give(survey)
        while len(self._idle) < len(self._hands) and not self._failure:
            self._receive()

    def _take_survey(self, found: tuple[int, capture.CaptureStatus | None]) -> None:
        estimate, status = found
        self._book.save(records_estimated=estimate)
        if status is None or status.is_complete:
            return
        if self.source.backfill_started_at is not None:
            # What changes until the triggers are back, only a comparison finds.
            self._book.save(comparison_wanted_at=self._clock.now())
        raise NotCaptured(self.source.name)

    def _end(self) -> None:
        """Wait for what the hands are at: each piece that is done counts. A hand that still worked
        on a store that is closed could write into another's file.
        """
        while len(self._idle) < len(self._hands):
            self._receive()
        for hand in self._hands:
            hand.end()
        for hand in self._hands:
            hand.join(10.0)
        if self._crew is not None:
            self._crew.close()
        self._book.write(at_once=True)
        self._watch(self.source, self._book.figures)

    # -- in between -------------------------------------------------------------------------------

    def _give(self) -> None:
        for hand in list(self._idle):
            job = self._next(hand)
            if job is not None:
                self._idle.remove(hand)
                hand.give(job)

    def _next(self, hand: Hand) -> Job | None:
        if self._captured is not None and (job := self._captured.next()) is not None:
            return job
        if hand.urgent_only or (
            isinstance(self._captured, Appended) and not self._captured.is_ready
        ):
            return None
        for _ in self._turns:
            duty = self._turns.pop(0)
            self._turns.append(duty)
            if (job := duty.next()) is not None:
                return job
        return None

    def _receive(self) -> None:
        """Take what was done, all that is there; wait a moment where nothing is."""
        try:
            done = self._done.get(timeout=0.05)
            while True:
                self._take(done)
                done = self._done.get_nowait()
        except queue.Empty:
            return

    def _take(self, done: Done) -> None:
        self._idle.append(done.hand)
        error = done.error
        if error is None:
            try:
                done.job.take(done.result)
            except Exception as raised:  # noqa: BLE001 - the hands must be waited for; run raises
                error = raised
        self._failure = self._failure or error

    def _look_around(self) -> None:
        self._book.write()
        self._watch(self.source, self._book.figures)
        if self._book.nothing_works is not None:
            self._failure = NothingWorks(TOO_MANY, self._book.nothing_works)
        if self._clock.monotonic() < self._looked_at + _EACH:
            return
        self._looked_at = self._clock.monotonic()
        now = Source.objects.filter(pk=self.source.pk).only(*_READ_AGAIN).first()
        paused = self.source.sync_enabled and not (now and now.sync_enabled)
        self._is_wanted = now is not None and now.mode in RUNS_IN and not paused
        if now is not None:
            for name in ("quiet_from", "quiet_to", "max_rate", "comparison_wanted_at"):
                setattr(self.source, name, getattr(now, name))
            self._throttle.change(now.max_rate)

    def _is_over(self, ends_at: float | None) -> bool:
        late = ends_at is not None and self._clock.monotonic() >= ends_at
        return late or not self._is_wanted

    def _is_idle(self) -> bool:
        captured = self._captured is None or self._captured.is_idle
        backfilled = self._backfill.is_finished or self._book.figures.is_quiet
        settled = self._retries.seen_empty and self._comparison.is_idle
        return captured and backfilled and settled and len(self._idle) == len(self._hands)

    def _make_captured(self) -> Changes | Appended | None:
        if self.source.capture == Source.Capture.TRIGGERS:
            return Changes(self._book, self._clock, self._comparison.want)
        if self.source.capture == Source.Capture.XID:
            return Appended(self._book, self._clock)
        return None


def _survey(tools: Tools, *, by_triggers: bool) -> tuple[int, capture.CaptureStatus | None]:
    status = capture.status(tools.connection, tools.description) if by_triggers else None
    return tools.reader.estimate(), status
