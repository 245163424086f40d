"""The worker killed in its task, the broker away, tasks delivered many times: the same end."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.draining.drain import Drain, draining
from tests.support.draining.equality import compare
from tests.support.plane import REPOSITORY
from tests.support.servers import TestPostgres, running_valkey

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
DELAY = "tasks.sync_sources.delay(); "


@pytest.mark.timeout(300)
def test_worker_and_broker_may_die_and_tasks_come_twice(
    tmp_path: Path, legacy: TestPostgres
) -> None:
    with (
        running_valkey(tmp_path / "broker") as (broker, kill_broker, start_broker),
        draining(tmp_path, legacy, writers=6, records=60) as drain,
    ):
        drain.sync_by(broker)
        drain.start(longest=1.0, importers=False)
        deliver(drain, times=4)
        time.sleep(6.0)
        drain.sync.kill()
        drain.sync.start()
        deliver(drain, times=4)
        time.sleep(6.0)
        kill_broker()
        time.sleep(2.0)
        drain.sync.kill()
        drain.sync.start()
        time.sleep(2.0)
        start_broker()
        time.sleep(2.0)
        drain.stop_writing()
        drain.wait_until_quiet(120.0)
        findings = compare(drain)
        print(f"\n{drain.changes} changes, {findings.versions} versions")
    assert (findings.missed, findings.wrong) == ([], [])
    assert drain.changes > 100


def deliver(drain: Drain, *, times: int) -> None:
    script = f"import django; django.setup(); from migrator import tasks; {DELAY * times}"
    subprocess.run([sys.executable, "-c", script], env=drain.sync.environment, cwd=REPOSITORY,
                   check=True)  # fmt: skip
