"""Outbox entries into the catalog: disk first, one transaction, and only then the entry goes.

Nothing here needs to be undone: a process that dies anywhere leaves entries that come again, and
the writer knows what it has. An entry that cannot be written (its file is damaged, its key missing)
waits aside and is tried again; those behind it go on.
"""

import itertools
import logging
import time
from collections.abc import Callable, Iterable, Sequence

from django.db import DataError, IntegrityError

from contentserver.catalog.facts import VersionFacts, facts_of
from contentserver.catalog.writer import record
from contentserver.store.errors import Erased, NotStored
from contentserver.store.outbox import Entry
from contentserver.store.results import Unreadable
from contentserver.store.store import Store

log = logging.getLogger(__name__)

BOX = "catalog"
CONSUMERS = (BOX,)
"""Which outboxes the bridge fills."""
BATCH = 500
RETRY_AFTER = 300.0
"""Seconds before an entry that could not be written is tried again."""


class CatalogConsumer:
    """Empties the catalog's outbox of one node. One consumer at a time: the bridge's."""

    def __init__(
        self, store: Store, *, node: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._node = node
        self._monotonic = monotonic
        self._aside: dict[tuple[str, str, str], float] = {}
        self.recorded = 0

    @property
    def waiting_aside(self) -> int:
        """Entries that could not be written; each was logged as `catalog_entry_refused`."""
        return len(self._aside)

    def step(self) -> bool:
        """Take one batch. True if there may be more now. Raises django.db.Error, StoreError."""
        batch = list(itertools.islice(self._iter_due(), BATCH))
        if not batch:
            return False
        facts: list[tuple[Entry, VersionFacts]] = []
        gone: list[Entry] = []
        for entry in batch:
            described = self._describe(entry)
            if described is None:
                gone.append(entry)
            elif isinstance(described, VersionFacts):
                facts.append((entry, described))
        written = self._write(facts)
        self._store.outbox.done([*gone, *written])
        for entry in (*gone, *written):
            self._aside.pop(_name(entry), None)
        return len(batch) == BATCH

    def _iter_due(self) -> Iterable[Entry]:
        now = self._monotonic()
        for entry in self._store.outbox.iter_entries(BOX):
            if self._aside.get(_name(entry), now) <= now:
                yield entry

    def _describe(self, entry: Entry) -> VersionFacts | Exception | None:
        """The facts; None where there is nothing to list: the data subject was erased since."""
        try:
            described = self._store.describe(entry)
        except NotStored:
            return None
        if not isinstance(described, Unreadable):
            return facts_of(described)
        if isinstance(described.error, Erased):
            return None
        self._put_aside(entry, described.error)
        return described.error

    def _write(self, facts: Sequence[tuple[Entry, VersionFacts]]) -> list[Entry]:
        """Which entries are durably in the catalog: all, or all but those PostgreSQL refuses."""
        try:
            self.recorded += record([fact for _, fact in facts], node=self._node)
        except (DataError, IntegrityError) as error:
            if len(facts) == 1:
                self._put_aside(facts[0][0], error)
                return []
            middle = len(facts) // 2
            return self._write(facts[:middle]) + self._write(facts[middle:])
        return [entry for entry, _ in facts]

    def _put_aside(self, entry: Entry, error: Exception) -> None:
        name = _name(entry)
        if name not in self._aside:
            log.error(
                "catalog_entry_refused",
                extra={"entry": "/".join(name), "version": str(entry.version), "error": str(error)},
            )
        self._aside[name] = self._monotonic() + RETRY_AFTER


def _name(entry: Entry) -> tuple[str, str, str]:
    return entry.root, entry.minute, entry.name
