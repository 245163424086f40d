"""The write-back of a node: its outbox, one record after the other, until each is durable.

An entry goes only after legacy has the record's latest, or has no need of it. What cannot be
written rests and is tried again. One database that is away, one record that fails, hold up no
other.
"""

import itertools
from collections.abc import Iterable, Iterator

from contentserver.operations.extensions import BridgeContext
from contentserver.store.errors import Erased, NotStored
from contentserver.store.outbox import Entry
from contentserver.store.results import Unreadable, VersionInfo
from migrator.legacy.description import Description
from migrator.legacy.keys import record_of
from migrator.models import Source
from migrator.published import BOX
from migrator.writeback.carrier import Target
from migrator.writeback.rest import Rests
from migrator.writeback.source_work import SourceWork
from migrator.writeback.waiting import belongs, kept_box

INTERVAL = 0.5
BATCH = 200

Described = tuple[Entry, VersionInfo | Unreadable | None]


class WriteBack:
    """The loop of the bridge. One at a time: the bridge's."""

    def __init__(self, context: BridgeContext) -> None:
        self._context = context
        self._outbox = context.store.outbox
        self._rests = Rests()
        self._work: dict[str, SourceWork] = {}

    def step(self) -> bool:
        """A batch of each box. True if there may be more now. Raises django.db.Error, RootMissing,
        JournalUnavailable."""
        work = self._refresh()
        more = [self._take(BOX, work)]
        for each in work.values():
            each.look()
            if each.source.final:
                # Dropped by decision: there is no way back any more.
                self._outbox.done(self._outbox.iter_entries(kept_box(each.source.name)))
            elif each.source.mode != Source.Mode.DISK:
                more.append(self._take(kept_box(each.source.name), work))
        return any(more)

    def _refresh(self) -> dict[str, SourceWork]:
        """The sources as they are now; whoever is gone, or described in another way, is let go."""
        sources = {source.name: source for source in Source.objects.order_by("name")}
        for name, known in list(self._work.items()):
            if name not in sources or sources[name].description != known.source.description:
                known.close()
                del self._work[name]
        for name, source in sources.items():
            if name in self._work:
                self._work[name].source = source
            else:
                self._work[name] = SourceWork(self._context, source)
        return self._work

    def _take(self, box: str, work: dict[str, SourceWork]) -> bool:
        batch = list(itertools.islice(self._iter_due(box), BATCH))
        mine, others = _sort(self._describe(batch), work.values())
        self._outbox.done(others)
        done: list[Entry] = []
        for (name, target), entries in mine.items():
            source = work[name].source
            if source.mode == Source.Mode.DISK and not source.final:
                self._outbox.move(entries, kept_box(name))
            elif source.final or work[name].deliver(target):
                done += entries
                for entry in entries:
                    self._rests.went_well(_place(entry))
            else:
                for entry in entries:
                    self._rests.failed(_place(entry))
        self._outbox.done(done)
        return len(batch) == BATCH

    def _iter_due(self, box: str) -> Iterator[Entry]:
        for entry in self._outbox.iter_entries(box):
            if not self._rests.is_resting(_place(entry)):
                yield entry

    def _describe(self, entries: Iterable[Entry]) -> Iterator[Described]:
        for entry in entries:
            try:
                found = self._context.store.describe(entry)
            except NotStored:
                yield entry, None
                continue
            if isinstance(found, Unreadable) and not isinstance(found.error, Erased):
                # Nobody knows whose it is until it opens again.
                self._rests.failed(_place(entry))
            else:
                yield entry, found


def _place(entry: Entry) -> tuple[str, bytes]:
    return entry.root, entry.address


def _sort(
    described: Iterable[Described], work: Iterable[SourceWork]
) -> tuple[dict[tuple[str, Target], list[Entry]], list[Entry]]:
    """By source and record, and those that nobody waits for: of imports, of erased data subjects,
    of files that belong to no source."""
    descriptions = [each.description for each in work]
    mine: dict[tuple[str, Target], list[Entry]] = {}
    others = []
    for entry, info in described:
        owner = _owner(info, descriptions) if isinstance(info, VersionInfo) else None
        if owner is None:
            others.append(entry)
        else:
            mine.setdefault(owner, []).append(entry)
    return mine, others


def _owner(info: VersionInfo, descriptions: Iterable[Description]) -> tuple[str, Target] | None:
    for description in descriptions:
        if belongs(info, description):
            record = record_of(description, info.metadata.key)
            if record is not None:
                return description.name, Target(record, info.metadata.key)
    return None
