"""When checkpoints leave, and which never do."""

import datetime as dt
import fcntl
import json
import os
import shutil
import threading

import pytest

from skold.anchors.anchoring import AnchoringRunsError, LedgerForkedError
from skold.anchors.files import AnchorInvalidError, find_newest, iter_anchors
from skold.anchors.running import Anchors, problems_of
from skold.anchors.state import read_state
from skold.anchors.ways import NotAnchoredError, Ways
from tests.support.anchoring import GrowingLedger, WebPlace, web_place

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def go(self, **by):
        self.now += dt.timedelta(**by)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def place():
    with web_place(WebPlace()) as place:
        yield place


@pytest.fixture
def address(place):
    return f"http://127.0.0.1:{place.port}/"


def test_it_is_due_at_once_and_then_every_hour(anchoring, address, clock):
    anchor = anchoring(address, now=clock)
    assert anchor.is_due()
    anchor.attempt()
    clock.go(minutes=59)
    assert not anchor.is_due()
    clock.go(minutes=2)
    assert anchor.is_due()


def test_another_start_does_not_send_again_before_the_hour(anchoring, address, clock):
    anchoring(address, now=clock).attempt()
    clock.go(minutes=5)
    assert not anchoring(address, now=clock).is_due()


def test_without_its_state_the_anchors_say_when_the_last_one_left(
    anchoring, ledger, address, clock
):
    anchor = anchoring(address, now=clock).attempt()
    shutil.rmtree(ledger.folder / "anchors" / "state")
    clock.go(minutes=5)
    assert not anchoring(address, now=clock).is_due()
    assert read_state(ledger.folder, [address], clock()).last == {anchor.place: NOW}


def test_a_clock_set_back_keeps_no_checkpoint_here(anchoring, address, clock):
    anchoring(address, now=clock).attempt()
    clock.go(days=-30)
    assert anchoring(address, now=clock).is_due()


def test_a_quiet_ledger_is_covered_without_a_second_message(
    anchoring, ledger, address, place, clock
):
    anchor = anchoring(address, now=clock)
    anchor.attempt()
    clock.go(hours=40)
    anchor.attempt()
    state = read_state(ledger.folder, [address], clock())
    assert len(place.asked) == 1
    assert state.covered[anchor.place.name] == clock()
    assert state.last[anchor.place.name] == NOW
    assert not state.not_anchored


def test_failures_wait_longer_and_longer(anchoring, ledger, address, place, clock):
    place.answer = lambda _: (503, "text/plain", b"")
    anchor = anchoring(address, now=clock)
    waits = []
    for _ in range(7):
        with pytest.raises(NotAnchoredError, match="503"):
            anchor.attempt()
        started = clock()
        while not anchor.is_due():
            clock.go(seconds=10)
        waits.append((clock() - started).total_seconds())
    assert waits == [60, 120, 240, 480, 900, 900, 900]
    state = read_state(ledger.folder, [address], clock())
    assert state.failures == {anchor.place.name: 7}
    assert "503" in state.error[anchor.place.name]
    place.answer = lambda _: (200, "text/plain", b"")
    anchor.attempt()
    assert read_state(ledger.folder, [address], clock()).error == {}


def test_it_is_not_anchored_after_26_hours(anchoring, ledger, address, place, clock):
    place.answer = lambda _: (503, "text/plain", b"")
    with pytest.raises(NotAnchoredError):
        anchoring(address, now=clock).attempt()
    clock.go(hours=26)
    assert not read_state(ledger.folder, [address], clock()).not_anchored
    clock.go(minutes=1)
    state = read_state(ledger.folder, [address], clock())
    assert state.not_anchored
    (problem,) = problems_of(state)
    assert "for 26 hours" in problem


def test_without_a_place_nothing_is_anchored(ledger):
    assert read_state(ledger.folder, []).not_anchored


def test_a_smaller_checkpoint_never_follows_a_larger_one(anchoring, ledger, address, place):
    anchoring(address).attempt()
    (ledger.folder / "checkpoint").unlink()
    GrowingLedger(ledger.folder).grow_to(299)
    with web_place(WebPlace()) as second:
        for target in (address, f"http://127.0.0.1:{second.port}/"):
            with pytest.raises(LedgerForkedError, match=r"299 .* 300 .* verify_audit"):
                anchoring(target).attempt()
        assert second.asked == []
    assert len(place.asked) == 1


@pytest.mark.parametrize("size", [300, 301, 700])
def test_a_ledger_that_was_written_anew_is_not_anchored(anchoring, ledger, address, place, size):
    anchoring(address).attempt()
    GrowingLedger(ledger.folder, salt=b"forged").grow_to(size)
    with pytest.raises(LedgerForkedError, match="does not continue"):
        anchoring(address).attempt()
    assert len(place.asked) == 1


def test_a_ledger_that_grew_is_anchored_again_and_both_files_stay(anchoring, ledger, address):
    anchoring(address).attempt()
    first = ledger.root
    ledger.grow_to(70_000)
    anchoring(address).attempt()
    assert [(a.size, a.root) for a in iter_anchors(ledger.folder)] == [
        (300, first),
        (70_000, ledger.root),
    ]


def test_a_ledger_without_a_checkpoint_waits(anchoring, ledger, address, place, clock):
    (ledger.folder / "checkpoint").unlink()
    anchor = anchoring(address, now=clock)
    assert anchor.attempt() is None
    assert anchor.is_due()
    assert place.asked == []
    clock.go(hours=27)
    assert anchor.attempt() is None
    assert read_state(ledger.folder, [address], clock()).not_anchored


def test_two_processes_do_not_send_at_once(anchoring, ledger, address, place):
    anchor = anchoring(address)
    anchor.attempt()
    lock = os.open(ledger.folder / "anchors" / f"{anchor.place.name}.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    ledger.grow_to(301)
    with pytest.raises(AnchoringRunsError):
        anchor.attempt()
    os.close(lock)
    assert anchor.attempt().size == 301


def test_a_damaged_anchor_is_named(anchoring, ledger, address):
    anchor = anchoring(address).attempt()
    (file,) = (ledger.folder / "anchors").glob("*.json")
    assert file.name == f"{300:020d}.{anchor.place}.json"
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"size": 299}))
    with pytest.raises(AnchorInvalidError, match=file.name):
        find_newest(ledger.folder)
    ledger.grow_to(301)
    with pytest.raises(NotAnchoredError, match=file.name):
        anchoring(address).attempt()


def test_a_place_that_hangs_holds_up_none_of_the_others(ledger, address, place):
    go_on = threading.Event()

    def hang(_asked):
        go_on.wait(20)
        return 200, "text/plain", b""

    with web_place(WebPlace(answer=hang)) as hanging:
        slow = f"http://localhost:{hanging.port}/"
        anchors = Anchors(ledger.folder, [slow, "ftp://x", address], Ways(), interval=0.0)
        for size in range(301, 304):
            ledger.grow_to(size)
            anchors.step()
            anchors.join(0.3)
        sizes = [anchor.size for anchor in iter_anchors(ledger.folder)]
        go_on.set()
        assert anchors.join(5)
    assert sizes == [301, 302, 303]
    assert len(hanging.asked) == 1
    facts = anchors.facts()
    assert any("address 2" in problem for problem in facts["problems"])
    assert "contentserver_anchor_age_seconds" in [gauge[0] for gauge in facts["gauges"]]
