"""A verification from its first record to its last, in steps that a killed process takes up again.

Phase "there" walks legacy by its unique index, phase "here" the catalog by its own; neither keeps
more in memory than the batches under way. After each batch the position, the figures and what was
found are one transaction.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contentserver.catalog.models import File
from contentserver.store.results import VersionInfo
from contentserver.store.store import Store
from migrator.legacy.description import Description, RecordId
from migrator.legacy.reader import LegacyReader
from migrator.legacy.shape import load_shape
from migrator.models import Source, Verification
from migrator.published import BOX, WRITTEN_HERE
from migrator.verify.compare import Comparer
from migrator.verify.compared import Compared
from migrator.verify.state import find_or_begin
from migrator.writeback.waiting import kept_box

BATCH = 200
PAGE = 1000

Connect = Callable[[], Any]
Progress = Callable[[Verification], None]
Work = Callable[[Comparer], list[Compared]]


class CatalogBehind(Exception):
    """The catalog lacks versions from before the verification; the text says what to do."""


@dataclass
class Verifier:
    """Compares one source. `connect` gives a connection to its legacy database, in autocommit;
    each of the `workers` takes one, and the walk one more. `full` reads the stored bodies too.
    `patience` with a catalog that is behind, in seconds.
    """

    store: Store
    source: Source
    connect: Connect
    workers: int = 4
    full: bool = False
    progress: Progress = lambda _: None
    patience: float = 120.0
    _local: threading.local = field(default_factory=threading.local)
    _opened: list[Any] = field(default_factory=list)

    def run(self, *, resume: bool) -> Verification:
        """Raises psycopg.Error, AddressMissing, RootMissing, Unavailable, CatalogBehind,
        VerificationMoved; what was compared until then stays, and `resume` goes on behind it."""
        self._description = Description.from_mapping(self.source.description)
        self._walk = self._open()
        self._shape = load_shape(self._walk, self._description)
        self._state = find_or_begin(self.source, resume=resume)
        try:
            with ThreadPoolExecutor(self.workers, "verify") as pool:
                if self._state.phase == Verification.Phase.THERE:
                    self._compare_there(pool)
                if self._state.phase == Verification.Phase.HERE:
                    self._compare_here(pool)
        finally:
            for connection in self._opened:
                connection.close()
        return self._state.verification

    def _compare_there(self, pool: ThreadPoolExecutor) -> None:
        reader = LegacyReader(self._walk, self._description, shape=self._shape)
        work = (
            (list(ids[-1]), lambda comparer, ids=ids: comparer.records(ids))
            for ids in _pages(reader, self._state.after)
        )
        for after, results in self._in_order(pool, work):
            self._report(self._state.take_there(after, results))
        self._report(self._state.turn())

    def _compare_here(self, pool: ThreadPoolExecutor) -> None:
        self._require_catalog(self._state.verification.started_at)
        work = (
            (keys[-1], lambda comparer, keys=keys: comparer.keys(keys))
            for keys in self._stored_keys(self._state.key)
        )
        for key, results in self._in_order(pool, work):
            self._report(self._state.take_here(key, results))
        self._report(self._state.finish())

    def _report(self, verification: Verification) -> None:
        self.progress(verification)

    def _stored_keys(self, after: str) -> Iterator[list[str]]:
        files = File.objects.filter(collection=self._description.collection, deleted=False)
        while keys := list(
            files.filter(key__gt=after).order_by("key").values_list("key", flat=True)[:PAGE]
        ):
            yield keys
            after = keys[-1]

    def _require_catalog(self, since: datetime) -> None:
        """What was stored before `since` is in the catalog, so the walk over it misses nothing."""
        deadline = time.monotonic() + self.patience
        while (oldest := _oldest(self.store, "new", "catalog")) and oldest <= since:
            if time.monotonic() > deadline:
                raise CatalogBehind(
                    f"the catalog lacks versions of {oldest:%Y-%m-%d %H:%M} UTC: start the bridge, "
                    "then go on with --resume"
                )
            time.sleep(0.2)

    def _in_order(
        self, pool: ThreadPoolExecutor, work: Iterator[tuple[Any, Work]]
    ) -> Iterator[tuple[Any, list[Compared]]]:
        """Results in the order of the work, with so many under way that no worker waits."""
        under_way: deque[tuple[Any, Future[list[Compared]]]] = deque()
        for mark, job in work:
            under_way.append((mark, pool.submit(self._run, job)))
            if len(under_way) > 2 * self.workers:
                yield _result(under_way)
        while under_way:
            yield _result(under_way)

    def _run(self, job: Work) -> list[Compared]:
        comparer = getattr(self._local, "comparer", None)
        if comparer is None:
            reader = LegacyReader(self._open(), self._description, shape=self._shape)
            comparer = Comparer(self.store, reader, on_its_way=self._on_its_way, full=self.full)
            self._local.comparer = comparer
        return job(comparer)

    def _open(self) -> Any:
        connection = self.connect()
        self._opened.append(connection)
        return connection

    def _on_its_way(self, info: VersionInfo) -> bool:
        """Whether a version that was written here may not have reached legacy yet."""
        if info.imported or self.source.mode not in WRITTEN_HERE:
            return False
        committed = datetime.fromtimestamp(info.committed_at_ns // 10**9, UTC)
        oldest = _oldest(self.store, "new", BOX, kept_box(self.source.name))
        return oldest is not None and oldest <= committed


def _oldest(store: Store, *boxes: str) -> datetime | None:
    """The oldest minute with an entry in any of these outboxes."""
    found = [store.outbox.oldest_minute(box) for box in boxes]
    return min((minute for minute in found if minute is not None), default=None)


def _result(under_way: deque[tuple[Any, Future[list[Compared]]]]) -> tuple[Any, list[Compared]]:
    mark, future = under_way.popleft()
    return mark, future.result()


def _pages(reader: LegacyReader, after: RecordId | None) -> Iterator[list[RecordId]]:
    while ids := reader.ids_after(after, BATCH):
        yield ids
        after = ids[-1]
