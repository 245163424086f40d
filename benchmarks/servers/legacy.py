"""The legacy design under gunicorn's threads; its PostgreSQL holds all of it in memory."""

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import psycopg

from benchmarks import corpus, processes
from benchmarks.legacy.chunks import cut
from benchmarks.servers.base import Server
from benchmarks.servers.postgres import OwnPostgres

WORKERS = 2
MAX_CONNECTIONS = 300
STATISTICS_ARRIVE = 11.0
"""Seconds. An idle connection of PostgreSQL hands in its counts after ten at the latest."""
SETTINGS = {
    "max_connections": str(MAX_CONNECTIONS),
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "max_wal_size": "4GB",
    "wal_buffers": "16MB",
    "jit": "off",
}


class Legacy(Server):
    """`threads` of each of two gunicorn workers; one pooled connection for each thread."""

    name = "legacy design"
    upload_to = "/store"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.threads = 8
        key = secrets.token_urlsafe(24)
        self.headers = {"Authorization": f"Bearer {key}"}
        self.postgres = OwnPostgres(folder / "pg", SETTINGS)
        with psycopg.connect(self.postgres.url) as connection:
            connection.execute((Path(__file__).parent.parent / "legacy/schema.sql").read_bytes())
            connection.execute(
                "INSERT INTO legacy_apikey (client, sha256, enabled) VALUES ('bench', %s, true)",
                [sha256(key.encode()).hexdigest()],
            )

    def start(self) -> None:
        self.port = processes.free_port()
        log = self.folder / "gunicorn.log"
        self.process = processes.start(
            [
                *(sys.executable, "-m", "gunicorn", "benchmarks.legacy.wsgi:application"),
                *(f"--bind=127.0.0.1:{self.port}", f"--workers={WORKERS}"),
                *("--worker-class=gthread", f"--threads={self.threads}"),
                *("--worker-connections=4000", "--backlog=8192", "--keep-alive=300"),
                *("--timeout=300", "--worker-tmp-dir=/dev/shm", "--no-control-socket"),
            ],
            log,
            {
                "LEGACY_THREADS": str(self.threads),
                "LEGACY_HOST": str(self.postgres.sockets),
                "LEGACY_NAME": "contentserver",
                "LEGACY_USER": "contentserver",
            },
        )
        processes.wait_for_port(self.port, self.process, log)

    def stop(self) -> None:
        processes.stop(self.process)

    def close(self) -> None:
        """End PostgreSQL too."""
        self.postgres.stop()

    def fill(self, count: int, size: int) -> list[corpus.Target]:
        targets = []
        with psycopg.connect(self.postgres.url) as connection, connection.cursor() as cursor:
            records, chunks = [], []
            for number, (file, data) in enumerate(corpus.iter_files(count, size), start=1):
                targets.append(corpus.Target(f"/photo?id={number}", file.length, file.sha256))
                records.append((number, file.name, "image/jpeg", size))
                chunks += [(number, n, chunk) for n, chunk in enumerate(cut(data))]
            copy_rows(cursor, "legacy_record (id, name, media_type, size)", records)
            copy_rows(cursor, "legacy_chunk (record_id, position, data)", chunks)
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence('legacy_record', 'id'), %s)", [count]
            )
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        return targets

    def pids(self) -> Sequence[int]:
        return [self.process.pid, self.postgres.pid]

    def worker_pids(self) -> Sequence[int]:
        return [self.process.pid]

    def count_flushes(self, load: Callable[[], int]) -> float | None:
        before = self._log_flushes()
        answers = load()
        return (self._log_flushes() - before) / answers if answers else None

    def _log_flushes(self) -> int:
        """How often PostgreSQL flushed its log so far."""
        time.sleep(STATISTICS_ARRIVE)
        with psycopg.connect(self.postgres.url) as connection:
            row = connection.execute("SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'")
            return int((row.fetchone() or [0])[0])


def copy_rows(cursor: psycopg.Cursor, into: str, rows: Sequence[tuple[object, ...]]) -> None:
    """COPY the rows into a table and its columns."""
    with cursor.copy(f"COPY {into} FROM STDIN") as copy:  # type: ignore[arg-type]
        for row in rows:
            copy.write_row(row)
