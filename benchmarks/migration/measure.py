"""The migration's scenarios: a sync against reading alone, and what it does to those who read."""

import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks import processes
from benchmarks.corpus import KIB
from benchmarks.migration.house import CONNECTIONS, MigrationHouse, Run, size_of
from benchmarks.plan import Plan
from benchmarks.results import CONTENT, READING, SYNC, Goal, Sample, Scenario
from benchmarks.servers.content import store
from benchmarks.work import Work, run_processes

SMALL, LARGE = "small", "large"
SMALL_CHUNKS, LARGE_CHUNKS = 2, 40
LEAST = 0.6
MOST = 1.2
CALM = f"{CONTENT}, no sync"
BUSY = f"{CONTENT}, sync at full speed"
READ_FILES = 1000
READ_CONNECTIONS = 32
PACE = 200.0
"""Reads a second."""
LOADERS = 1

Tell = Callable[[str], None]


class MigrationMeasurements:
    """Brings up its own server and legacy database below `folder`, and ends them with `close`."""

    def __init__(self, plan: Plan, folder: Path, erasure: str) -> None:
        self.plan = plan
        self.folder = folder
        self.house = MigrationHouse(folder, erasure)
        self.packed = 0.0

    @property
    def postgres_url(self) -> str:
        return self.house.house.postgres.url

    def all(self, tell: Tell) -> list[Scenario]:
        """Every scenario in turn; `tell` hears what is being measured."""
        counts = {SMALL: self.plan.migrated_small, LARGE: self.plan.migrated_large}
        chunks = {SMALL: SMALL_CHUNKS, LARGE: LARGE_CHUNKS}
        for kind, files in counts.items():
            tell(f"filling the legacy database with {files:,} files")
            self.packed = self.house.fill(kind, files, chunks[kind])
        self.house.make_folders()
        paces = [self._pace(kind, counts[kind], chunks[kind], tell) for kind in counts]
        return [*paces, self._reads(tell)]

    def facts(self) -> dict[str, str]:
        """What a reader of the figures has to know."""
        return {
            "migration": (
                f"chunks of 50 KB, zlib, {self.packed:.2f} of their size; {CONNECTIONS} "
                "connections, triggers installed, bridge and PostgreSQL beside it; all folders of "
                "the year are there; reads of 64 KB fall due at a fixed rate"
            )
        }

    def close(self) -> None:
        self.house.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _pace(self, kind: str, files: int, chunks: int, tell: Tell) -> Scenario:
        size = size_of(chunks)
        unit = "files/s" if kind == SMALL else "MB/s"
        scenario = Scenario(f"Migrate {files:,} files of {_shown(size)}", unit)
        tell(f"{scenario.name}, warming up")
        self.house.read(kind, files)
        for _ in range(self.plan.rounds):
            for name, run in ((READING, self.house.read), (SYNC, self.house.sync)):
                tell(f"{scenario.name}, {name}")
                with processes.deadline(self.plan.limit, f"{scenario.name}, {name}"):
                    found = run(kind, files)
                scenario.row(name).samples.append(_sample(found, unit))
        return scenario

    def _reads(self, tell: Tell) -> Scenario:
        """Reads at a fixed pace, alone and beside a sync, in turns."""
        name = f"Read 64 KB files, {PACE:.0f} a second falling due"
        scenario = Scenario(name, "req/s")
        tell(f"{name}: storing {READ_FILES:,} files")
        targets = self._store(READ_FILES, self.plan.file_size)
        self._read(targets, 2.0)
        for _ in range(self.plan.rounds):
            tell(f"{name}, {CALM}")
            scenario.row(CALM).samples.append(self._read(targets, self.plan.paced_seconds))
            tell(f"{name}, {BUSY}")
            scenario.row(BUSY).samples.append(self._read_beside_sync(targets))
        return scenario

    def _read_beside_sync(self, targets: str) -> Sample:
        """A sync is in its backfill all the while; where it ended before, that is an error."""
        name = self.house.declare(SMALL)
        process = self.house.start_sync(name)
        try:
            self.house.wait_for_files(name)
            sample = self._read(targets, self.plan.paced_seconds)
            if process.poll() is not None:
                sample.errors["the sync ended before the reads"] += 1
        finally:
            processes.stop(process)
        self.house.wait_for_catalog(name)
        return sample

    def _read(self, targets: str, seconds: float) -> Sample:
        house = self.house.house
        work = Work(
            *(house.port, READ_CONNECTIONS, house.headers, seconds),
            targets=targets,
            pace=PACE,
        )
        found = run_processes(work, LOADERS)
        return Sample(
            found.rate,
            found.percentile(0.5),
            found.percentile(0.99),
            found.errors,
            requests=found.requests,
        )

    def _store(self, count: int, size: int) -> str:
        files = store(self.house.house, count, size)
        path = self.folder / "targets.txt"
        path.write_text("".join(f"{one.name}\t{one.length}\t{one.sha256}\n" for one in files))
        return str(path)


def goals(scenarios: list[Scenario]) -> list[Goal]:
    """Of those scenarios that are the migration's."""
    found = []
    for scenario in scenarios:
        if SYNC in scenario.rows:
            ratio = scenario.ratio(SYNC, READING)
            found.append(Goal(f"{scenario.name}: at least {LEAST} of reading", ratio, least=LEAST))
        if BUSY in scenario.rows:
            calm, busy = scenario.row(CALM).median("p99"), scenario.row(BUSY).median("p99")
            ratio = busy / calm if calm and busy else None
            text = f"{scenario.name}: p99 beside a sync, times that without"
            found.append(Goal(text, ratio, most=MOST))
    return found


def _sample(run: Run, unit: str) -> Sample:
    amount = run.files if unit == "files/s" else run.bytes / 1e6
    return Sample(amount / run.seconds, peak=run.peak or None, requests=run.files)


def _shown(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size // KIB} KB"
