"""Memory does not grow with the size of a file: uploads and range reads of a large one."""

import asyncio
import os
import random
from collections.abc import Callable

import pytest

from benchmarks import bulk, loader, processes
from benchmarks.corpus import MIB
from benchmarks.production import Production
from tests.integration.load.traffic import store_photos

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(240)]
LARGE = 256 * MIB
READERS = 50
RANGE = 3 * MIB
ALLOWED = 96 * MIB
"""Growth of one process: far below the file, and below what READERS whole answers would take."""


async def test_a_large_upload_and_its_range_readers_leave_memory_flat(
    start_production: Callable[..., Production],
) -> None:
    production = start_production(workers=1)
    await store_photos(production, 4)
    assert production.web is not None
    pids = [production.web.pid]
    processes.reset_peak(pids)
    before = processes.peak(pids)
    path = production.path("large.bin")

    await asyncio.to_thread(bulk.up, production.port, path, production.headers, LARGE)
    await asyncio.to_thread(bulk.down, production.port, path, production.headers, LARGE)
    load = loader.Load(
        "127.0.0.1", production.port, _ranges(production, path), READERS, count=2 * READERS
    )
    outcome = await loader.run(load)

    assert outcome.errors == {}
    assert outcome.received == 2 * READERS * RANGE
    assert processes.peak(pids) - before < ALLOWED
    assert processes.peak(pids) < 200 * MIB


def _ranges(production: Production, path: str) -> Callable[[int], loader.Request]:
    chance = random.Random(os.urandom(8))

    def make(_i: int) -> loader.Request:
        start = chance.randrange(LARGE - RANGE)
        headers = production.headers | {"Range": f"bytes={start}-{start + RANGE - 1}"}
        head = loader.head("GET", path, headers)
        return loader.Request(head, expect=frozenset({206}), length=RANGE)

    return make
