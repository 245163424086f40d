"""This server, whole: two data-plane processes, bridge, PostgreSQL; every read is authorised,
decrypted and durably recorded.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import corpus, flushes, loader
from benchmarks.production import Production
from benchmarks.servers.base import Server

WORKERS = 2
FILLERS = 16


class ContentServer(Server):
    """Files go to a collection whose files are erasable as `erasure` says."""

    name = "content server"

    def __init__(self, folder: Path, erasure: str = "key") -> None:
        super().__init__(folder)
        self.house = Production(folder, WORKERS)
        self.house.make_collection("bench", erasure)
        self.port = self.house.port
        self.headers = self.house.headers | {"Content-Type": "image/jpeg"}
        self.upload_to = self.house.path("uploads")
        self.counts = folder / "flushes"

    def start(self) -> None:
        self._start_web({})

    def _start_web(self, extra: Mapping[str, str]) -> None:
        if self.house.bridge is None:
            self.house.start_bridge()
        self.house.start_web(extra)

    def stop(self) -> None:
        self.house.stop_web()

    def close(self) -> None:
        """End bridge and PostgreSQL too."""
        self.house.close()

    def fill(self, count: int, size: int) -> list[corpus.Target]:
        return store(self.house, count, size)

    def pids(self) -> Sequence[int]:
        house = self.house
        assert house.web is not None
        assert house.bridge is not None
        return [house.web.pid, house.bridge.pid, house.postgres.pid]

    def worker_pids(self) -> Sequence[int]:
        assert self.house.web is not None
        return [self.house.web.pid]

    def mark(self) -> Any:
        return self.house.database_time()

    def compare_records(self, mark: Any, requests: int, unfinished: int) -> str | None:
        records = self.house.wait_for_records(requests, mark)
        right = records.req == records.done and 0 <= records.req - requests <= unfinished
        return None if right else f"{requests} requests, {records.req} req, {records.done} done"

    def count_flushes(self, load: Callable[[], int]) -> float | None:
        """In data-plane processes started for it: counting shall not be timed."""
        self.stop()
        self._start_web(flushes.environment(self.counts))
        try:
            before = flushes.total(self.counts)
            answers = load()
            return (flushes.total(self.counts) - before) / answers if answers else None
        finally:
            self.stop()
            self.start()


def store(house: Production, count: int, size: int) -> list[corpus.Target]:
    """Put so many files of the corpus into a running server, each to be asked for by its path."""
    targets: list[corpus.Target] = []
    files = corpus.iter_files(count, size)
    headers = house.headers | {"Content-Type": "image/jpeg"}

    def make(_i: int) -> loader.Request:
        file, data = next(files)
        path = house.path(file.name)
        targets.append(corpus.Target(path, file.length, file.sha256))
        head = loader.head("PUT", path, headers, len(data))
        return loader.Request(head, (data,), frozenset({201}))

    load = loader.Load("127.0.0.1", house.port, make, FILLERS, count=count)
    outcome = asyncio.run(loader.run(load))
    if outcome.failed:
        raise RuntimeError(f"the corpus could not be stored: {dict(outcome.errors)}")
    return targets
