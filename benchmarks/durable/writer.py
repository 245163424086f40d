"""One process of a data plane as far as the audit goes: `python -m benchmarks.durable.writer JSON`.

Waits for a line on standard input, works, and prints what it did as one line of JSON. Each user
does what a request does: append `req`, wait until it is on the disk, append `done`.
"""

import asyncio
import gc
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

from benchmarks.journal import DONE, PRIVATE, REQ
from contentserver.delivery.asgi import GC_THRESHOLD
from skold.disk import Disk
from skold.journal import Journal


@dataclass(frozen=True, slots=True)
class Order:
    """`pace`: pairs a second that fall due whether or not the last ones are done; None: as many as
    there can be, by `users` who each wait for their own."""

    journal: str
    seconds: float
    users: int
    pace: float | None = None


@dataclass(slots=True)
class Done:
    """`groups`: bytes of each flush, in their order. Waits in milliseconds."""

    records: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    groups: list[int] = field(default_factory=list)


class CountingDisk(Disk):
    """The real disk, and how much each flush made durable."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self._written = 0

    def write(self, fd: int, data: bytes, offset: int) -> None:
        self._written += len(data)
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self.groups.append(self._written)
        self._written = 0


async def _user(journal: Journal, until: float, waits: list[float]) -> None:
    while (began := time.perf_counter()) < until:
        asked = journal.append("req", REQ, PRIVATE)
        await journal.durable(asked)
        waits.append(time.perf_counter() - began)
        journal.append("done", DONE, ref=asked)


async def _pair(journal: Journal, due: float, waits: list[float]) -> None:
    asked = journal.append("req", REQ, PRIVATE)
    await journal.durable(asked)
    waits.append(time.perf_counter() - due)
    journal.append("done", DONE, ref=asked)


async def _paced(journal: Journal, pace: float, began: float, until: float) -> list[float]:
    waits: list[float] = []
    under_way: set[asyncio.Task[None]] = set()
    number = 0
    while time.perf_counter() < until:
        while (due := began + number / pace) <= time.perf_counter():
            task = asyncio.create_task(_pair(journal, due, waits))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            number += 1
        await asyncio.sleep(0.001)
    await asyncio.gather(*under_way)
    return waits


async def _work(journal: Journal, order: Order) -> tuple[list[float], float]:
    began = time.perf_counter()
    until = began + order.seconds
    if order.pace is None:
        waits: list[float] = []
        await asyncio.gather(*[_user(journal, until, waits) for _ in range(order.users)])
    else:
        waits = await _paced(journal, order.pace, began, until)
    # The last `done` counts when it is durable.
    await journal.durable(journal.append("done", DONE))
    return waits, time.perf_counter() - began


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    disk = CountingDisk()
    journal = Journal([Path(order.journal)], "bench", disk=disk)
    journal.start()
    if not journal.healthy:
        sys.exit(f"no journal in {order.journal}: {journal.reason}")
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)  # as the data plane
    print("ready", flush=True)
    sys.stdin.readline()
    before, opened, cpu = journal.records, len(disk.groups), time.process_time()
    waits, seconds = uvloop.run(_work(journal, order))
    done = Done(journal.records - before, seconds, time.process_time() - cpu)
    done.groups = disk.groups[opened:]
    waits.sort()
    done.p50 = waits[len(waits) // 2] * 1e3
    done.p99 = waits[len(waits) * 99 // 100] * 1e3
    journal.close()
    print(json.dumps(asdict(done)), flush=True)


if __name__ == "__main__":
    main()
