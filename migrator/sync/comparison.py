"""A whole comparison in both directions: where no trigger tells of changes, and after a TRUNCATE.

Every legacy record is looked at in the order of its key (there), then every stored file of the
source in the order of its own (here): what differs is imported, what vanished gets a delete marker.
Where records name a time of change or a SHA-256 these are compared with the catalog's, otherwise
the content is read. The position is saved after each page.
"""

import datetime as dt
from functools import partial
from typing import Any

from django.db import transaction

from contentserver.store.store import Store
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import LegacyError
from migrator.legacy.records import LegacyRecord
from migrator.models import Source
from migrator.outcomes import Outcome
from migrator.sync.book import Book
from migrator.sync.clock import Clock
from migrator.sync.hands import Job, Tools
from migrator.sync.pieces import PieceSize
from migrator.sync.stored import catalog_knows, compares_facts, find_stored, stored_after
from migrator.sync.throttle import Throttle

PAGE = 1000
THERE, HERE, END = "there", "here", "end"
_REST = dt.timedelta(minutes=1)
Facts = dict[RecordId, LegacyRecord | LegacyError]


class Comparison:
    """One page after the other; its pieces by several hands.

    `Source.comparison`: phase, after (a record, or a key), began, content (whether it is read),
    events (removed from the change log at the end), behind (how many records could not be brought
    although some version of them stands).
    """

    def __init__(
        self, book: Book, clock: Clock, description: Description, store: Store, throttle: Throttle
    ) -> None:
        self._book = book
        self._clock = clock
        self._description = description
        self._store = store
        self._throttle = throttle
        self._size = PieceSize()
        self._pieces: list[list[RecordId]] = []
        self._busy = 0
        self._look_at = float("-inf")
        self._page_end: dict[str, Any] = {}
        self._rest_until: dt.datetime | None = None
        self._wanted: list[int] = []

    @property
    def is_idle(self) -> bool:
        """Whether none is under way or due."""
        waits = self._wanted or self._is_asked_for() or self._is_due()
        return not (self._state or self._busy or waits)

    @property
    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._book.source.comparison
        return state

    def want(self, events: list[int]) -> None:
        """All may have changed: compare by content, and then remove exactly these events.

        One that is under way for other reasons begins again; others than these are given again.
        """
        rests = self._rest_until is not None and self._clock.now() < self._rest_until
        if not self._state.get("events") and not rests:
            self._wanted = events

    def next(self) -> Job | None:
        """What can be done now."""
        state = self._state
        if not self._throttle.is_open and not state.get("events"):
            return None
        if self._pieces:
            return self._bring(self._pieces.pop(0))
        if self._busy or self._clock.monotonic() < self._look_at or not self._has_begun():
            return None
        step = {THERE: self._there, HERE: self._here, END: self._end}
        return step[self._state["phase"]]()

    def _has_begun(self) -> bool:
        """Whether one is under way; begins one that is due."""
        if self._wanted:
            events, self._wanted = self._wanted, []
            self._begin(events=events, content=True)
        elif not self._state and self._is_asked_for():
            # What was missed while nothing was captured may have left no other trace.
            self._begin(events=[], content=True)
        elif not self._state and self._is_due():
            self._begin(events=[], content=not compares_facts(self._description))
        return bool(self._state)

    # -- there ------------------------------------------------------------------------------------

    def _there(self) -> Job:
        self._busy += 1
        content = self._state["content"]
        after = self._state["after"] and tuple(self._state["after"])

        def work(tools: Tools) -> tuple[list[RecordId], Facts]:
            ids = tools.reader.ids_after(after, PAGE)
            return ids, {} if content else tools.reader.find_many(ids)

        return Job(work, self._take_there)

    def _take_there(self, found: tuple[list[RecordId], Facts]) -> None:
        ids, facts = found
        self._busy -= 1
        is_last = len(ids) < PAGE
        self._page_end = {"phase": HERE, "after": ""} if is_last else {"after": list(ids[-1])}
        self._cut([one for one in ids if one not in self._equal(facts)])

    def _equal(self, facts: Facts) -> set[RecordId]:
        records = [fact for fact in facts.values() if isinstance(fact, LegacyRecord)]
        stored = find_stored(self._description.collection, [record.key for record in records])
        return {
            record.id
            for record in records
            if record.key in stored and stored[record.key].equals(record)
        }

    # -- here -------------------------------------------------------------------------------------

    def _here(self) -> Job | None:
        self._look_at = self._clock.monotonic() + 1.0
        if not catalog_knows(self._store, dt.datetime.fromisoformat(self._state["began"])):
            return None
        self._look_at = float("-inf")
        ids, last = stored_after(self._book.source, self._description, self._state["after"], PAGE)
        self._page_end = {"phase": END} if last is None else {"after": last}
        self._busy += 1
        return Job(
            lambda tools: tools.reader.find_many(ids) if ids else {}, partial(self._take_here, ids)
        )

    def _take_here(self, ids: list[RecordId], facts: Facts) -> None:
        self._busy -= 1
        self._cut([one for one in ids if one not in facts])

    # -- both -------------------------------------------------------------------------------------

    def _cut(self, ids: list[RecordId]) -> None:
        step = self._size.records
        self._pieces = [ids[i : i + step] for i in range(0, len(ids), step)]
        self._end_page_if_done()

    def _bring(self, piece: list[RecordId]) -> Job:
        self._busy += 1
        began = self._clock.monotonic()
        return Job(lambda tools: tools.bring(piece, only_missing=False), partial(self._take, began))

    def _take(self, began: float, outcomes: list[Outcome]) -> None:
        self._busy -= 1
        self._size.learn(len(outcomes), self._clock.monotonic() - began)
        self._throttle.spend(sum(one.size for one in outcomes))
        with transaction.atomic():
            self._book.settle(outcomes)
            if behind := self._behind(outcomes):
                state = self._state | {"behind": self._state["behind"] + behind}
                self._book.save(comparison=state)
        self._end_page_if_done()

    def _behind(self, outcomes: list[Outcome]) -> int:
        failed = [one.key for one in outcomes if one.what in {"failed", "busy"} and one.key]
        return len(find_stored(self._description.collection, failed)) if failed else 0

    def _end_page_if_done(self) -> None:
        if not self._pieces and not self._busy:
            self._book.save(comparison=self._state | self._page_end)

    def _end(self) -> Job | None:
        """The events go only now: until here every file counted as changed."""
        events = self._state["events"]
        if not events or self._state["behind"]:
            if events:
                self._rest_until = self._clock.now() + _REST
            self._finish()
            return None
        self._busy += 1
        return Job(lambda tools: tools.changes.remove(events), self._take_removal)

    def _take_removal(self, _: None) -> None:
        self._busy -= 1
        self._finish()

    def _finish(self) -> None:
        began = dt.datetime.fromisoformat(self._state["began"])
        self._book.save(comparison={}, compared_at=began)

    def _begin(self, *, events: list[int], content: bool) -> None:
        self._book.save(
            comparison={
                "phase": THERE,
                "after": None,
                "began": self._clock.now().isoformat(),
                "content": content,
                "events": events,
                "behind": 0,
            }
        )

    def _is_asked_for(self) -> bool:
        source = self._book.source
        wanted = source.comparison_wanted_at
        return wanted is not None and (source.compared_at is None or source.compared_at < wanted)

    def _is_due(self) -> bool:
        source = self._book.source
        regular = source.capture == Source.Capture.COMPARISON
        if not regular and self._description.content.kind != "large_object":
            return False
        since = source.compared_at or source.backfill_started_at
        each = dt.timedelta(seconds=source.compare_each)
        return since is not None and self._clock.now() >= since + each
