"""No read that began after a commit in legacy shows what was before it, in no mode, while legacy is
up and whoever imports is stalled.
"""

import time
from pathlib import Path

import pytest

from tests.support.draining.chaos import stalls
from tests.support.draining.drain import draining
from tests.support.servers import TestPostgres

pytestmark = pytest.mark.django_db(transaction=True)
MODES = ("legacy", "shadow", "hybrid")


def test_nothing_old_is_served(tmp_path: Path, legacy: TestPostgres) -> None:
    run(tmp_path, legacy, writers=8, threads=6, seconds=1.0)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_old_is_served_in_two_minutes(tmp_path: Path, legacy: TestPostgres) -> None:
    run(tmp_path, legacy, writers=24, threads=12, seconds=40.0)


def run(folder: Path, legacy: TestPostgres, *, writers: int, threads: int, seconds: float) -> None:
    """So many seconds in each mode."""
    with draining(folder, legacy, writers=writers, records=60) as drain:
        drain.start(longest=1.0)
        drain.enter("legacy")
        drain.read(threads=threads)
        with stalls([drain.sync, *drain.importers], 1.0):
            for mode in MODES:
                drain.enter(mode)
                time.sleep(seconds)
        readings = drain.stop_reading()
        drain.stop_writing()
        print(f"\n{drain.changes} changes, answers: {dict(readings.seen)}")
    assert readings.old == []
    assert readings.failed == []
    assert readings.seen["served"] > 100
    assert readings.seen["lost"] + readings.seen["unchecked"] == 0
