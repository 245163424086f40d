"""Sixteen million legacy records: `make migrate-scale`.

Makes them in a PostgreSQL of its own (about 3 GB below --folder, removed afterwards), calls what a
migration calls at the beginning, in the middle and at the end of the table, and looks at the plan
of every statement that was executed. Ends with status 1 where a page is not read from an index, or
takes longer than it may, or where memory grows with the number of records.
"""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.migration.recording import Recording, Scan
from benchmarks.migration.tables import describe, fill_records
from benchmarks.servers.postgres import OwnPostgres
from migrator.legacy import capture
from migrator.legacy.changes import ChangeLog, pending_sql
from migrator.legacy.check import check
from migrator.legacy.description import RecordId
from migrator.legacy.horizon import begin_mark, has_passed, horizon
from migrator.legacy.reader import LegacyReader
from migrator.verify.present import present

RECORDS = 16_200_000
CHANGED_EACH = 162
"""Every so many records one was changed since and waits in the change log."""
PAGE = 1000
BATCH = 64
PAGE_SECONDS = 0.25
GROWTH = 64 << 20
"""Bytes of memory that a walk over all records may need more than its first pages did."""
TIMES = 5
LONG = 1.0
"""Seconds; what takes longer is called once."""
KIND = "huge"
# Nothing here has to outlive the run.
SETTINGS = {
    "fsync": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "shared_buffers": "512MB",
    "maintenance_work_mem": "512MB",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One call. `only`: kinds of scan that its statements may make of the record table or of the
    change log; `within` in seconds.
    """

    name: str
    place: str
    call: Callable[[], Any]
    only: frozenset[str] = frozenset({"Index Scan", "Index Only Scan", "Bitmap Heap Scan"})
    within: float = PAGE_SECONDS


@dataclass(slots=True)
class Found:
    """What one measure showed: the quickest of its calls, in seconds."""

    measure: Measure
    seconds: float
    scans: list[Scan]
    problems: list[str] = field(default_factory=list)


class Scale:
    """The measures over so many records."""

    def __init__(self, url: str, records: int) -> None:
        self.records = records
        self.description = describe(KIND, "scale", "scale")
        self.connection = Recording.connect(url, autocommit=True, prepare_threshold=None)
        self.reader = LegacyReader(self.connection, self.description)
        self.log = ChangeLog(self.connection, "scale")

    def all(self) -> Iterator[Found]:
        """Every measure in turn."""
        for measure in (*self._pages(), *self._changes(), *self._gates()):
            yield self._take(measure)

    def walk(self, limit: float) -> tuple[int, float, int]:
        """Go through all ids as backfill does: how many there were, the slowest page in seconds,
        and by how many bytes the process grew behind the first hundred pages.
        """
        ids = self.reader.ids_after(None, PAGE)
        seen, slowest, before = len(ids), 0.0, 0
        until = time.monotonic() + limit
        while ids and time.monotonic() < until:
            if seen <= 100 * PAGE:
                before = _peak()
            began = time.perf_counter()
            ids = self.reader.ids_after(ids[-1], PAGE)
            slowest = max(slowest, time.perf_counter() - began)
            seen += len(ids)
        return seen, slowest, _peak() - before

    def _places(self) -> Iterator[tuple[str, int]]:
        yield "beginning", 0
        yield "middle", self.records // 2
        yield "end", self.records - PAGE

    def _pages(self) -> Iterator[Measure]:
        reader, only = self.reader, frozenset({"Index Only Scan"})
        for place, at in self._places():
            after = (str(at),)
            ids = _ids(at, PAGE)
            few = ids[:BATCH]
            yield Measure("ids of a page", place, lambda a=after: reader.ids_after(a, PAGE), only)
            yield Measure("verification: facts", place, lambda i=ids: reader.find_many(i))
            yield Measure("verification: present", place, lambda i=ids: present(reader, i), only)
            yield Measure("a batch read", place, lambda i=few: list(reader.read_many(i)))

    def _changes(self) -> Iterator[Measure]:
        log = self.log
        last = self.records // CHANGED_EACH
        for place, at in self._places():
            ids, number = _ids(at, PAGE), at // CHANGED_EACH
            one = [[str(at + 1)]]
            yield Measure(
                "pending: one read",
                place,
                lambda o=one: self.connection.execute(pending_sql("scale"), o).fetchone(),
            )
            yield Measure("pending: a page", place, lambda i=ids: log.pending(i))
            yield Measure("events of a batch", place, lambda i=ids: log.note_many(i[:BATCH]))
            after = min(number, last - PAGE)
            yield Measure("next events", place, lambda a=after: log.note_batch(PAGE, after=a))
        yield Measure("events of TRUNCATE", "all", log.note_all)

    def _gates(self) -> Iterator[Measure]:
        # The log is counted whole: as long as it is, however many records there are.
        counted = frozenset({"Seq Scan", "Index Only Scan"})
        some = frozenset({"Index Scan", "Index Only Scan", "Sample Scan", "Limit: Seq Scan"})
        yield Measure("estimate", "all", self.reader.estimate, some, 1.0)
        yield Measure("gate: backlog", "all", self.log.status, counted, 1.0)
        yield Measure("gate: horizon", "all", self._horizon, frozenset())
        yield Measure(
            "gate: triggers", "all", lambda: capture.status(self.connection, self.description)
        )
        yield Measure(
            "gate: checked",
            "all",
            lambda: check(self.connection, self.description, years=False),
            some,
            5.0,
        )
        # Before a migration is planned: the years of all records, from one reading of the table.
        yield Measure(
            "legacy_check",
            "all",
            lambda: check(self.connection, self.description),
            some | {"Seq Scan"},
            180.0,
        )

    def _horizon(self) -> None:
        if not has_passed(self.connection, begin_mark(self.connection)):
            horizon(self.connection)

    def _take(self, measure: Measure) -> Found:
        seconds = []
        for _ in range(TIMES):
            self.connection.forget()
            began = time.perf_counter()
            measure.call()
            seconds.append(time.perf_counter() - began)
            if seconds[-1] > LONG:
                break
        scans = self.connection.scans({f"{KIND}_record", "scale_changes"})
        found = Found(measure, min(seconds), scans)
        found.problems += [f"{one}" for one in scans if one.kind not in measure.only]
        if found.seconds > measure.within:
            found.problems.append(f"{found.seconds:.2f} s instead of {measure.within} s")
        return found


def main() -> int:
    """Measure and print; 1 if anything is not bounded."""
    chosen = _arguments()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="scale-", dir=chosen.folder.resolve()))
    console = Console(width=None if sys.stdout.isatty() else 120)
    postgres = OwnPostgres(folder / "pg", SETTINGS)
    try:
        return _run(postgres.url, chosen.records, console)
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.migration.scale", description=__doc__
    )
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    return parser.parse_args()


def _run(url: str, records: int, console: Console) -> int:
    began = time.monotonic()
    description = describe(KIND, "scale", "scale")
    fill_records(url, KIND, records, CHANGED_EACH, lambda c: capture.install(c, description))
    console.print(f"{records:,} records made in {time.monotonic() - began:.0f} s")
    scale = Scale(url, records)
    found = list(scale.all())
    console.print(_table(found))
    problems = [
        f"{one.measure.name}, {one.measure.place}: {p}" for one in found for p in one.problems
    ]
    estimate = scale.reader.estimate()
    if not 0.9 <= estimate / records <= 1.1:
        problems.append(f"{records:,} records were estimated to be {estimate:,}")
    began = time.monotonic()
    seen, slowest, grown = scale.walk(1800)
    seconds = time.monotonic() - began
    console.print(
        f"all ids by pages of {PAGE}: {seen:,} in {seconds:.0f} s, slowest page"
        f" {slowest * 1000:.0f} ms, memory grew by {grown / 1e6:.1f} MB to {_peak() / 1e6:.0f} MB"
    )
    if seen != records:
        problems.append(f"the walk met {seen:,} of {records:,} records")
    if grown > GROWTH:
        problems.append(f"memory grew by {grown / 1e6:.0f} MB on the way")
    for problem in problems:
        console.print(f"NOT BOUNDED: {problem}", markup=False)
    console.print("bounded: all of it" if not problems else f"{len(problems)} not bounded")
    return 1 if problems else 0


def _table(found: list[Found]) -> Table:
    table = Table(title="Calls of a migration", title_justify="left")
    for heading in ("call", "place", "ms", "scans"):
        table.add_column(heading, justify="right" if heading == "ms" else "left")
    for one in found:
        scans = ", ".join(sorted({str(scan) for scan in one.scans})) or "-"
        table.add_row(one.measure.name, one.measure.place, f"{one.seconds * 1000:.1f}", scans)
    return table


def _ids(after: int, count: int) -> list[RecordId]:
    return [(str(number),) for number in range(after + 1, after + 1 + count)]


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
