"""The whole server with a legacy database beside it, and syncs of it as an operator starts them."""

import datetime as dt
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import tomli_w

from benchmarks import processes
from benchmarks.migration.tables import CHUNK, describe, fill
from benchmarks.production import REPOSITORY, Production
from benchmarks.servers.legacy import SETTINGS
from benchmarks.servers.postgres import OwnPostgres
from contentserver.store import fileops

CONNECTIONS = 4
COLLECTION = "migrated"
_TIMES = """
SELECT extract(epoch FROM backfill_finished_at - backfill_started_at)::float8,
    files_imported, bytes_imported
FROM migrator_source WHERE name = %s
"""
_NUMBERS = """
SELECT files_imported,
    (SELECT count(*) FROM contentserver_file WHERE collection = %s AND key LIKE %s)
FROM migrator_source WHERE name = %s
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One whole reading or sync. `peak` is the highest memory of one of its processes, in bytes."""

    files: int
    bytes: int
    seconds: float
    peak: int = 0


class MigrationHouse:
    """`house` runs with its bridge; the legacy database is a PostgreSQL of its own."""

    def __init__(self, folder: Path, erasure: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.house = Production(folder, 2)
        self.house.make_collection(COLLECTION, erasure)
        self.legacy = OwnPostgres(folder / "legacy", SETTINGS)
        self.house.start()
        self._syncs = 0

    def fill(self, kind: str, files: int, chunks: int) -> float:
        """So many files of so many chunks; the share of its size that the content takes packed."""
        return fill(self.legacy.url, kind, files, chunks)

    def read(self, kind: str, files: int) -> Run:
        """Read and inflate all, on as many connections as a sync has; nothing is stored."""
        work = {
            "url": self.legacy.url,
            "kind": kind,
            "files": files,
            "connections": CONNECTIONS,
            "processes": min(CONNECTIONS, len(os.sched_getaffinity(0))),
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.migration.limit"],
            input=json.dumps(work),
            capture_output=True,
            text=True,
            check=False,
            cwd=REPOSITORY,
        )
        if done.returncode:
            raise RuntimeError(f"the legacy files could not be read:\n{done.stderr}")
        found = json.loads(done.stdout)
        return Run(files, round(found["bytes"]), found["seconds"])

    def sync(self, kind: str, files: int) -> Run:
        """Bring all of them to the disk as a source of its own, with triggers, and wait until the
        bridge has taken them in. Raises RuntimeError where not every file was brought.
        """
        name = self.declare(kind)
        process = self.start_sync(name)
        peak = 0
        while process.poll() is None:
            peak = max(peak, processes.peak([process.pid]))
            time.sleep(0.1)
        run = self._result(name, files, peak)
        self.wait_for_catalog(name)
        return run

    def declare(self, kind: str) -> str:
        """A new source over the tables of `kind`, its triggers installed; its name."""
        self._syncs += 1
        name = f"sync-{self._syncs}"
        variable = f"LEGACY_{name.upper().replace('-', '_')}_DSN"
        self.house.environment[variable] = self.legacy.url
        document = describe(kind, name, COLLECTION).to_mapping()
        file = self.folder / f"{name}.toml"
        file.write_text(tomli_w.dumps(document | {"sync": {"connections": CONNECTIONS}}))
        self.house.manage("legacy_source", "import", str(file))
        self.house.manage("legacy_capture", "install", name, "--yes")
        return name

    def start_sync(self, name: str) -> "subprocess.Popen[bytes]":
        """`manage.py legacy_sync` until nothing is left."""
        return self.house.run("sync", "legacy_sync", name, "--once", "--json")

    def wait_for_files(self, name: str) -> None:
        """Return when the sync has brought its first files. Raises processes.DidNotStart."""
        self.house.wait(lambda: self._numbers(name)[0] > 0, 60, f"files of {name} there")

    def wait_for_catalog(self, name: str, seconds: float = 300) -> None:
        """Return when the bridge has entered all files that an ended sync brought: it shall take
        nothing from what is measured next. Raises processes.DidNotStart.
        """

        def is_there() -> bool:
            brought, entered = self._numbers(name)
            return entered >= brought

        self.house.wait(is_there, seconds, f"in the catalog: the files of {name}")

    def make_folders(self) -> None:
        """All folders of this year, as they are there once a million files are: a new one costs as
        much as half a file of 100 KB.
        """
        year = dt.datetime.now(dt.UTC).year
        root = os.open(self.house.home / "root-1", os.O_RDONLY)
        paths = [f"{year}/{n >> 8:02x}/{n & 255:02x}" for n in range(65_536)]
        for path in paths:
            os.close(fileops.make_dirs(root, path)[0])
        os.sync()
        for path in paths:
            fileops.settle_dirs(root, path)
        os.close(root)

    def _numbers(self, name: str) -> tuple[int, int]:
        """Files that the sync says it has brought, and those in the catalog."""
        with psycopg.connect(self.house.postgres.url) as connection:
            row = connection.execute(_NUMBERS, (COLLECTION, f"{name}/%", name)).fetchone()
        return row or (0, 0)

    def close(self) -> None:
        """End everything."""
        self.house.close()
        self.legacy.stop()

    def _result(self, name: str, files: int, peak: int) -> Run:
        with psycopg.connect(self.house.postgres.url) as connection:
            row = connection.execute(_TIMES, (name,)).fetchone()
        if row is None or row[0] is None or row[1] != files:
            log = processes.tail(self.house.logs / "sync.log")
            raise RuntimeError(f"the sync brought {row and row[1]} of {files} files:\n{log}")
        return Run(row[1], row[2], row[0], peak)


def size_of(chunks: int) -> int:
    """Bytes of a file of so many chunks."""
    return chunks * CHUNK
