"""Beat's slices: each minute, delivered twice or killed in the middle, to the same end state."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.core.management import CommandError, call_command

from migrator import tasks
from migrator.models import Source
from tests.support.bridge import database_url
from tests.support.legacy import legacy_database
from tests.support.plane import REPOSITORY
from tests.support.syncing import Syncing, syncing, write_address

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def legacy_url(postgres):
    with legacy_database() as url:
        yield url


@pytest.fixture
def sync(home, legacy_url, settings, monkeypatch):
    settings.CONFIG = home.config
    monkeypatch.setattr(tasks, "SLICE", 1.5)
    with syncing(home, legacy_url) as running:
        yield running


def test_the_task_synchronises_what_is_switched_on_however_often_it_is_delivered(sync: Syncing):
    sync.put(1, b"first")
    Source.objects.update(sync_enabled=False)
    tasks.sync_sources()
    assert sync.stored(1) is None
    Source.objects.update(sync_enabled=True)
    tasks.sync_sources.delay()
    tasks.sync_sources.delay()
    assert (sync.stored(1), sync.versions(1)) == (b"first", 1)
    assert sync.source.files_imported == 1
    assert sync.source.sync_seen_at is not None


def test_a_killed_slice_loses_nothing_and_the_next_goes_on(sync: Syncing, tmp_path):
    for number in range(400):
        sync.put(number, os.urandom(3000))
    sync.put(400, b"last")
    environment = sync.home.environment | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "contentserver.settings",
        "DJANGO_SECRET_KEY": "a key of this test alone, long enough to be one: 0123456789 abcdefgh",
    }
    # As the worker is killed: at any moment, without a word.
    log = tmp_path / "sync.log"
    with log.open("wb") as output:
        slice_ = subprocess.Popen(
            [sys.executable, "manage.py", "legacy_sync", sync.source.name, "--seconds", "60"],
            cwd=REPOSITORY, env=environment, stdout=output, stderr=output,
        )  # fmt: skip
    deadline = time.monotonic() + 30
    while sync.source.backfill_after is None:
        assert slice_.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(slice_.pid, signal.SIGKILL)
    slice_.wait()
    assert sync.source.backfill_finished_at is None
    sync.tables.delete(0)
    assert sync.run() == "done"
    assert (sync.stored(0), sync.stored(400)) == (None, b"last")
    assert {sync.versions(number) for number in range(1, 401)} == {1}
    assert sync.pending() == 0


def test_the_foreground_command_says_how_far_it_is(sync: Syncing, settings, capsys):
    sync.put(1, b"first")
    call_command("legacy_sync", sync.source.name, "--once", "--json")
    assert '"files": 1' in capsys.readouterr().out.splitlines()[-1]
    call_command("legacy_sync", sync.source.name, "--once")
    assert "nothing is waiting" in capsys.readouterr().out


def test_ctrl_c_ends_it_cleanly_and_restores_what_it_meant_before(sync: Syncing, capsys):
    sync.put(1, b"first")
    before = signal.getsignal(signal.SIGINT)
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    call_command("legacy_sync", sync.source.name, "--json")
    assert json.loads(capsys.readouterr().out)["ended"] == "done"
    assert sync.stored(1) == b"first"
    assert signal.getsignal(signal.SIGINT) is before


def test_the_command_says_why_nothing_can_be_done(sync: Syncing, capsys):
    write_address(sync.home, sync.source.name, "host=/nowhere dbname=x")
    with pytest.raises(CommandError, match="does not answer"):
        call_command("legacy_sync", sync.source.name, "--once")
    Source.objects.update(mode="disk")
    with pytest.raises(CommandError, match="In mode disk"):
        call_command("legacy_sync", sync.source.name)
    with pytest.raises(CommandError, match="there are: photos"):
        call_command("legacy_sync", "unknown")
