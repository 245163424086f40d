"""What reading alone can do: `python -m benchmarks.migration.limit`.

The migrator's reader on the same number of connections, in as many processes as a sync has, reads
and inflates every file once and throws it away. What it does is a JSON object on stdin, what it
found one on stdout.
"""

import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.migration.tables import describe
from migrator.legacy.reader import LegacyReader
from migrator.legacy.snapshots import connect

BATCH = 64


@dataclass(frozen=True, slots=True)
class Share:
    """What one process does: batches of these files on so many connections."""

    url: str
    kind: str
    files: int
    connections: int


def read_all(url: str, kind: str, files: int, connections: int, processes: int) -> dict[str, float]:
    """Bytes and seconds, from the first statement to the last file. Raises RuntimeError where a
    file was not read.
    """
    apart = multiprocessing.get_context("fork")
    next_batch = apart.Value("q", 0)
    ready = apart.Barrier(processes + 1)
    results = apart.Queue()
    workers = [
        apart.Process(
            target=_work,
            args=(
                Share(url, kind, files, _share(connections, processes, n)),
                next_batch,
                ready,
                results,
            ),
        )
        for n in range(processes)
    ]
    for worker in workers:
        worker.start()
    ready.wait(60)
    began = time.perf_counter()
    found = [results.get(timeout=600) for _ in workers]
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join()
    if sum(count for count, _ in found) != files:
        raise RuntimeError(f"{sum(count for count, _ in found)} of {files} files were read")
    return {"bytes": sum(size for _, size in found), "seconds": seconds}


def _work(share: Share, next_batch: Any, ready: Any, results: Any) -> None:
    description, files = describe(share.kind, "limit", "limit"), share.files
    readers = [LegacyReader(connect(share.url), description) for _ in range(share.connections)]
    sizes: list[int] = []

    def take() -> int:
        with next_batch.get_lock():
            next_batch.value += 1
            return int(next_batch.value - 1) * BATCH

    threads = [
        threading.Thread(target=_read, args=(reader, files, take, sizes)) for reader in readers
    ]
    ready.wait(60)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((len(sizes), sum(sizes)))


def _read(reader: LegacyReader, files: int, take: Callable[[], int], sizes: list[int]) -> None:
    while (start := take()) < files:
        ids = [(str(number),) for number in range(start + 1, min(start + BATCH, files) + 1)]
        found = reader.read_many(ids)
        sizes.extend(len(data) for _, _, data in found if isinstance(data, bytes))


def _share(whole: int, parts: int, number: int) -> int:
    return whole // parts + (number < whole % parts)


if __name__ == "__main__":
    print(json.dumps(read_all(**json.load(sys.stdin))))
