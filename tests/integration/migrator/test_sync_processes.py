"""A sync with import processes brings the same, says the same, and outlives their deaths."""

import dataclasses
import os

import psutil
import pytest

from migrator.models import RecordError
from tests.support.legacy import legacy_database
from tests.support.syncing import Syncing, syncing

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def legacy_url(postgres):
    with legacy_database() as url:
        yield url


@pytest.fixture
def sync(home, legacy_url):
    with syncing(home, legacy_url) as running:
        running.plant = dataclasses.replace(running.plant, processes=2)
        yield running


def importers() -> list[psutil.Process]:
    """Those of this process that have not ended."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "migrator.sync.process" in child.cmdline()
    ]


def test_processes_bring_what_threads_would(sync: Syncing):
    for number in range(80):
        sync.put(number, b"photo %d" % number)
    sync.tables.put_chunks(7, [b"no zlib"])
    met: set[int] = set()
    ended = sync.run(watch=lambda *_: met.update(one.pid for one in importers()))
    assert ended == "done"
    assert met
    assert importers() == []
    assert [sync.stored(number) for number in (0, 7, 79)] == [b"photo 0", None, b"photo 79"]
    assert sync.source.files_imported == 79
    assert list(RecordError.objects.values_list("record", "error")) == [(["7"], "unreadable")]


def test_few_records_need_no_process(sync: Syncing):
    for number in range(3):
        sync.put(number, b"first")
    met: set[int] = set()
    sync.run(watch=lambda *_: met.update(one.pid for one in importers()))
    assert not met
    assert sync.stored(2) == b"first"


def test_a_killed_process_ends_the_slice_with_a_sentence_and_the_next_one_does_the_rest(
    sync: Syncing,
):
    for number in range(400):
        sync.put(number, os.urandom(2000))
    killed: list[int] = []

    def kill(_source, figures):
        if not killed and figures.files:
            killed.extend(one.pid for one in importers())
            for pid in killed:
                os.kill(pid, 9)

    assert sync.run(watch=kill) == "failed"
    assert killed
    assert "import process" in sync.source.last_error
    assert importers() == []
    assert sync.run() == "done"
    assert sync.source.last_error == ""
    assert all(sync.stored(number) == sync.tables.content(number) for number in range(0, 400, 13))
    assert all(sync.versions(number) == 1 for number in range(400))
