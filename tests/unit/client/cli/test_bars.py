"""What a terminal shows of a copy."""

import io
import re

import pytest
from rich.console import Console

from contentserver.client import Progress
from contentserver.client.cli import bars
from contentserver.client.cli.bars import Bars
from contentserver.client.cli.display import Nothing, display


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(bars, "time", clock)
    return clock


def terminal(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None,
                   legacy_windows=False)  # fmt: skip


def picture(shown: Bars) -> str:
    shown.console.file = io.StringIO()
    shown.console.print(shown._picture())
    return shown.console.file.getvalue()


def test_it_shows_bytes_rate_time_left_and_the_files_under_way(clock: Clock):
    shown = Bars("./scans → photos/2026/", io.StringIO(), console=terminal())
    shown.expect(3, 3_000_000)
    clock.now += 10
    with shown.file("a.tif", 2_000_000) as told:
        told(Progress(1_000_000, 2_000_000))
        said = picture(shown)
    assert "./scans → photos/2026/" in said
    assert "0 of 3 files" in said
    assert "1.0 of 3.0 MB" in said
    assert "100 kB/s" in said
    assert re.search(r"0:2[01] left", said)
    assert re.search(r"a\.tif .* 50 %", said)
    assert max(map(len, said.splitlines())) <= 80


def test_a_file_that_ended_leaves_its_row_and_its_bytes_stay(clock: Clock):
    shown = Bars("title", io.StringIO(), console=terminal())
    shown.expect(2, 2_000)
    with shown.file("a.tif", 1_000) as told:
        told(Progress(1_000, 1_000))
    shown.settled("copied", 0)
    assert "a.tif" not in picture(shown)
    assert "1.0 of 2.0 kB" in picture(shown)
    shown.settled("unchanged", 1_000)
    assert "2 of 2 files" in picture(shown)
    assert "100 %" in picture(shown)


def test_a_file_that_failed_is_counted_and_its_bytes_once(clock: Clock):
    shown = Bars("title", io.StringIO(), console=terminal())
    shown.expect(2, 2_000)
    broken = shown.file("a.tif", 1_000)
    broken.__enter__()(Progress(900, 1_000))
    broken.__exit__(OSError, OSError("gone"), None)
    shown.settled("failed", 1_000)
    assert "1 failed" in picture(shown)
    assert "1.0 of 2.0 kB" in picture(shown)


def test_names_cannot_command_the_terminal(clock: Clock):
    shown = Bars("\x1b[2Jtitle", io.StringIO(), console=terminal())
    shown.expect(2, 2)
    with shown.file("a\x1b]0;evil\x07.tif", 1) as told:
        told(Progress(1, 1))
        said = picture(shown)
    shown.console.file = io.StringIO()
    shown.note("failed [bold]x[/bold] \x1b[31m")
    noted = shown.console.file.getvalue()
    assert "\x1b" not in said + noted
    assert "[bold]x[/bold]" in noted


def test_bytes_of_an_earlier_run_do_not_count_for_the_rate(clock: Clock):
    shown = Bars("title", io.StringIO(), console=terminal())
    shown.expect(1, 100_000_000)
    clock.now += 10
    with shown.file("a.tif", 100_000_000) as told:
        told(Progress(50_000_000, 100_000_000))
        told(Progress(51_000_000, 100_000_000))
        assert "100 kB/s" in picture(shown)


@pytest.mark.parametrize(("hidden", "is_terminal"), [(True, True), (False, False)])
def test_nobody_is_shown_bars_who_does_not_look(hidden: bool, is_terminal: bool):
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return is_terminal

    stream, notes = Stream(), []
    with display("title", stream, hidden=hidden, note=notes.append) as shown:
        assert isinstance(shown, Nothing)
        shown.expect(1, 1)
        with shown.file("a", 1) as told:
            told(Progress(1, 1))
        shown.note("failed a")
    assert stream.getvalue() == ""
    assert notes == ["failed a"]
