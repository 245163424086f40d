"""24 writers go on, whoever imports is stalled and killed: in the end nothing is missed."""

import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.draining.chaos import Act, kill_and_start, kills, stalls
from tests.support.draining.drain import Drain, draining
from tests.support.draining.equality import compare
from tests.support.draining.ledger import SOURCES
from tests.support.servers import TestPostgres

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 24
CHANGES = 100_000


def test_nothing_is_missed(tmp_path: Path, legacy: TestPostgres) -> None:
    with draining(tmp_path, legacy, writers=WRITERS, records=80) as drain:
        drain.start(longest=2.0)
        drain.twin.start()
        how = {"sync": kill_and_start(drain.sync), "legacy": partial(restart, legacy)}
        disturbed = disturb(drain, how, {}, seconds=10.0, each=2.5, longest=1.5)
        settle(drain, disturbed)
        assert drain.changes > 300


@pytest.mark.slow
def test_nothing_is_missed_where_tables_are_emptied(tmp_path: Path, legacy: TestPostgres) -> None:
    """By itself: the comparison that follows a TRUNCATE finds what was missed before it."""
    with draining(tmp_path, legacy, writers=8, records=40) as drain:
        drain.start(longest=1.0, importers=False)
        how = {"sync": kill_and_start(drain.sync)}
        settle(drain, disturb(drain, how, truncates(drain), seconds=5.0, each=2.5, longest=1.0))


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_nothing_is_missed_of_a_hundred_thousand_changes(
    tmp_path: Path, legacy: TestPostgres
) -> None:
    """In hybrid mode, with readers whose misses are imported on the way, and everything killed."""
    with draining(tmp_path, legacy, writers=WRITERS, records=500) as drain:
        drain.start(longest=20.0)
        drain.twin.start()
        drain.enter("hybrid")
        drain.read(threads=4)
        how = {
            "sync": kill_and_start(drain.sync),
            "twin": kill_and_start(drain.twin),
            "importer": kill_and_start(drain.importers[0]),
            "bridge": drain.restart_bridge,
            "data plane": drain.restart_data_plane,
            "legacy": partial(restart, legacy),
        }
        acts = truncates(drain)
        disturbed: Counter[str] = Counter()
        while drain.changes < CHANGES:
            disturbed += disturb(drain, how, acts, seconds=60.0, each=6.0, longest=8.0)
            # A comparison in the end would find what was missed.
            acts = {}
            print(f"\n{drain.changes} changes, {dict(disturbed)}", end="")
        readings = drain.stop_reading()
        print(f"\nanswers: {dict(readings.seen)}")
        settle(drain, disturbed)
        assert (readings.old, readings.failed) == ([], [])


def disturb(
    drain: Drain,
    how: dict[str, Act],
    acts: dict[str, Act],
    *,
    seconds: float,
    each: float,
    longest: float,
) -> Counter[str]:
    """Stalls, kills, and `acts`; how often each came."""
    with stalls([drain.sync, drain.twin, *drain.importers], longest) as stalled:
        killed = kills(how, acts, seconds=seconds, each=each)
    return killed + Counter(stalls=stalled.total(), truncates=len(acts))


def truncates(drain: Drain) -> dict[str, Act]:
    return {source: partial(drain.truncate, source) for source in SOURCES}


def settle(drain: Drain, disturbed: Counter[str]) -> None:
    """Both sides at rest are equal."""
    drain.stop_writing()
    began = time.monotonic()
    drain.wait_until_quiet(180.0)
    quiet = time.monotonic() - began
    findings = compare(drain)
    report: dict[str, Any] = {
        "changes": drain.changes,
        "files": findings.files,
        "versions": findings.versions,
        "disturbed": dict(disturbed),
        "quiet after": round(quiet, 1),
        "missed": len(findings.missed),
        "wrong": len(findings.wrong),
    }
    print(f"\n{report}")
    assert findings.missed == []
    assert findings.wrong == []


def restart(server: TestPostgres) -> None:
    server.kill()
    time.sleep(0.3)
    server.start()
