"""The worker verifies in slices, each going on where the one before ended."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from migrator import tasks
from migrator.models import Verification
from migrator.verify import run
from migrator.verify.slices import is_under_way, verify_slice
from tests.support.legacy import legacy_database
from tests.support.plane import Home
from tests.support.syncing import Syncing, syncing

pytestmark = pytest.mark.django_db(transaction=True)
FILES = 7


@pytest.fixture(scope="module")
def legacy_url(postgres: None) -> Iterator[str]:
    with legacy_database() as url:
        yield url


@pytest.fixture
def sync(
    home: Home, legacy_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Syncing]:
    settings.CONFIG = home.config
    monkeypatch.setattr(run, "BATCH", 2)
    with syncing(home, legacy_url) as running:
        for number in range(FILES):
            running.put(number, b"content %d" % number)
        running.run()
        yield running


def test_slices_without_time_end_where_one_long_slice_does(sync: Syncing) -> None:
    config = sync.home.config
    assert verify_slice(sync.source, config, seconds=60, stop=lambda: False)
    whole = Verification.objects.get()
    assert whole.compared == whole.equal == FILES
    Verification.objects.all().delete()

    slices = 1
    while not verify_slice(sync.source, config, seconds=0, stop=lambda: False):
        assert is_under_way(sync.source)
        slices += 1
        assert slices < 20
    pieced = Verification.objects.get()
    assert slices > 3
    assert not is_under_way(sync.source)
    assert (pieced.digest, pieced.equal) == (whole.digest, FILES)


def test_the_task_asks_for_the_next_slice_until_it_has_ended(
    sync: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks, "VERIFY_SLICE", 0.0)
    monkeypatch.setattr(tasks.verify_source, "delay", asked.append)
    tasks.verify_source(sync.source.name)
    assert asked == [sync.source.name]
    monkeypatch.setattr(tasks, "VERIFY_SLICE", 60.0)
    tasks.verify_source(sync.source.name)
    assert len(asked) == 1
    assert Verification.objects.get().finished_at is not None
