"""Positions, sizes, rates and hours of the sync, by themselves."""

import datetime as dt
import io

import pytest

from contentserver.conf import read_config
from migrator.models import Source
from migrator.sync.book import Figures
from migrator.sync.clock import is_quiet
from migrator.sync.display import Display, holder
from migrator.sync.lock import SyncRuns, sync_lock
from migrator.sync.pieces import LARGEST, SMALLEST, PieceSize, Track
from migrator.sync.throttle import Throttle


def test_a_position_moves_when_all_before_it_is_done():
    track = Track(("0",))
    first, second, third = (track.begin([(str(n),), (str(n + 1),)]) for n in (1, 3, 5))
    assert not track.finish(second)
    assert track.reached == ("0",)
    assert track.finish(first)
    assert track.reached == ("4",)
    assert not track.is_idle
    assert track.finish(third)
    assert (track.reached, track.is_idle) == (("6",), True)


def test_pieces_grow_while_they_are_short_and_shrink_when_they_take_long():
    size = PieceSize()
    for _ in range(10):
        size.learn(size.records, 0.1)
    assert size.records == LARGEST
    size.learn(3, 0.1)
    for _ in range(10):
        size.learn(size.records, 5.0)
    assert size.records == SMALLEST
    size.learn(3, 0.1)
    assert size.records == SMALLEST


def test_what_was_read_is_paid_before_more_is_read():
    now = [0.0]
    throttle = Throttle(100, lambda: now[0])
    assert throttle.is_open
    throttle.spend(350)
    assert not throttle.is_open
    now[0] = 2.4
    assert not throttle.is_open
    now[0] = 2.6
    assert throttle.is_open
    now[0] = 1000.0
    throttle.spend(101)
    assert not throttle.is_open
    throttle.change(None)
    assert throttle.is_open


@pytest.mark.parametrize(
    ("hour", "begin", "end", "expected"),
    [
        (8, 7, 19, True), (7, 7, 19, True), (19, 7, 19, False), (3, 7, 19, False),
        (23, 22, 6, True), (3, 22, 6, True), (6, 22, 6, False), (12, 22, 6, False),
        (12, 0, 0, True),
    ],
)  # fmt: skip
def test_quiet_hours_may_reach_over_midnight(hour, begin, end, expected):
    now = dt.datetime(2026, 3, 1, hour, tzinfo=dt.UTC)
    assert is_quiet(now, dt.time(begin), dt.time(end)) is expected


def test_without_quiet_hours_nothing_is_quiet():
    assert not is_quiet(dt.datetime(2026, 3, 1, tzinfo=dt.UTC), None, None)


def test_a_source_is_held_once_and_each_by_itself(monkeypatch, tmp_path):
    monkeypatch.setenv("CONTENTSERVER_HOME", str(tmp_path))
    config = read_config()
    with sync_lock(config, "photos"):
        with pytest.raises(SyncRuns), sync_lock(config, "photos"):
            pass
        with sync_lock(config, "documents"):
            pass
    with sync_lock(config, "photos"):
        pass


def test_without_a_terminal_a_line_says_how_far_it_is_and_what_holds_it_back():
    out = io.StringIO()
    figures = Figures(
        files=1200,
        bytes=3_000_000,
        backfilled=1500,
        failed=2,
        backlog=7,
        oldest_change_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=90),
        held_back_by={"kind": "running", "pid": 4711, "application": "portal", "age": 65},
    )
    with Display(out) as display:
        display(Source(name="photos", records_estimated=16_000_000), figures)
        display(Source(name="photos"), figures)
    (line,) = out.getvalue().splitlines()
    for said in (
        "backfill: 1,500 / 16,000,000", "files: 1,200", "bytes: 3.0 MB", "errors: 2",
        "changes waiting: 7", "lag: 90 s", "held back by: process 4711 (portal), for 65 s",
    ):  # fmt: skip
        assert said in line


def test_a_prepared_transaction_is_named_by_its_own_name():
    assert holder({"kind": "prepared", "gid": "x1", "age": 3}) == (
        "the prepared transaction x1, for 3 s"
    )
