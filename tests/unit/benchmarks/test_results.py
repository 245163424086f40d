"""Medians, ratios and goals say what the samples say; and a server that is not there says so."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.goals import goals
from benchmarks.results import BARE, CONTENT, LEGACY, NGINX, Goal, Row, Sample, Scenario
from benchmarks.servers.base import Unavailable
from benchmarks.servers.nginx import Nginx


def scenario(name: str, **rates: list[float]) -> Scenario:
    """Rows with samples of these rates; nginx, legacy, content, bare."""
    names = {"nginx": NGINX, "legacy": LEGACY, "content": CONTENT, "bare": BARE}
    made = Scenario(name, "req/s")
    for short, values in rates.items():
        made.row(names[short]).samples = [Sample(rate, peak=50_000_000) for rate in values]
    return made


def test_the_middle_run_counts_and_the_spread_is_shown() -> None:
    row = scenario("Read", content=[90, 100, 130]).row(CONTENT)
    assert row.rate == 100
    assert row.spread == pytest.approx(0.4)


def test_a_ratio_needs_both() -> None:
    measured = scenario("Read", nginx=[200], content=[50])
    assert measured.ratio(CONTENT, NGINX) == 0.25
    assert measured.ratio(CONTENT, LEGACY) is None
    assert LEGACY not in measured.rows


def test_goals_are_reached_or_missed_by_the_figures_measured() -> None:
    reads = scenario("Read, 1,000", nginx=[1000], legacy=[100], content=[400])
    up = scenario("1 GB up", bare=[100], content=[40])
    down = scenario("1 GB down", bare=[100], content=[60])
    found = {goal.text: goal.reached for goal in goals([reads, up, down])}
    assert found == {
        "errors of this server in all runs": True,
        "Read, 1,000: at least 0.35 of nginx": True,
        "Read, 1,000: at least 5 x legacy": False,
        "1 GB up: at least half of a bare loop": False,
        "1 GB down: at least half of a bare loop": True,
        "largest worker in MB, 1 GB up and down": True,
        "largest worker in MB, Read, 1,000": True,
    }


def test_one_error_misses_the_goal() -> None:
    reads = scenario("Read", content=[1])
    reads.row(CONTENT).samples[0].errors = Counter({"status 503": 1})
    up, down = scenario("up", content=[1]), scenario("down", content=[1])
    assert goals([reads, up, down])[0].reached is False


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    assert Goal("at least 0.35 of nginx", None, least=0.35).reached is None
    assert report.goal_lines([Goal("x", None, least=1)]) == ["not measured: x: "]


def test_without_nginx_its_row_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)
    with pytest.raises(Unavailable) as reason:
        Nginx(tmp_path / "nginx").start()
    measured = scenario("Read", content=[50])
    measured.rows[NGINX] = Row(NGINX, note=str(reason.value))
    assert report.cells(measured, measured.rows[NGINX])[1] == "nginx is not on the PATH"
    assert "nginx is not on the PATH" in report.markdown({}, [measured], [])
