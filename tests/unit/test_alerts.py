"""Alerts and the dashboard: they can be loaded, fire when they should, and ask for metrics that
exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
RULES = HOME / "deploy" / "prometheus-rules.yml"
UNIT_TESTS = HOME / "deploy" / "prometheus-rules-test.yml"
DASHBOARD = HOME / "deploy" / "grafana-dashboard.json"
METRIC = re.compile(r"contentserver_[a-z_]+")
CODE = [
    path
    for app in ("contentserver", "skold", "migrator")
    for path in (HOME / app).rglob("*.py")
]  # fmt: skip


@pytest.fixture
def promtool():
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool on the PATH: nothing was loaded")

    def run(*arguments):
        done = subprocess.run([found, *arguments], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_prometheus_takes_them(promtool):
    promtool("check", "rules", str(RULES))


def test_they_fire_when_they_should_and_not_before(promtool):
    promtool("test", "rules", str(UNIT_TESTS))


def test_each_alert_says_what_happened_and_what_to_do():
    alerts = RULES.read_text().split("- alert: ")[1:]
    assert len(alerts) > 20
    for alert in alerts:
        name = alert.split("\n", 1)[0]
        assert "summary: " in alert, name
        assert "action: " in alert, name
        assert re.search(r"severity: (page|warning)\}", alert), name


def test_each_metric_that_they_ask_for_is_published():
    asked = set(METRIC.findall(RULES.read_text()))
    assert len(asked) > 12
    assert asked <= published(), asked - published()


def test_each_metric_of_the_dashboard_is_published():
    asked = {metric for expression in expressions() for metric in METRIC.findall(expression)}
    assert len(asked) > 20
    assert asked <= published(), asked - published()


def test_prometheus_parses_each_expression_of_the_dashboard(promtool, tmp_path):
    found = expressions()
    assert len(found) > 25
    # Grafana fills these in before it asks.
    rules = [
        {
            "record": f"dashboard:expression:{number}",
            "expr": text.replace("$__rate_interval", "5m").replace("$instance", ".*"),
        }
        for number, text in enumerate(found)
    ]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(found)} rules found" in promtool("check", "rules", str(path))


def test_the_dashboard_is_one_that_grafana_takes():
    board = json.loads(DASHBOARD.read_text())
    assert board["schemaVersion"] >= 39
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def expressions():
    """Of every panel of the dashboard."""
    board = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]


def published():
    """Every metric that the code names, whole or from its parts; histograms with their series."""
    code = {path: path.read_text() for path in CODE}
    whole = "\n".join(code.values())
    named = set(METRIC.findall(whole))
    named |= {
        f"contentserver_source_{part}"
        for part in re.findall(
            r'^    \("(\w+)"', code[HOME / "migrator" / "figures.py"], re.MULTILINE
        )
    }
    named |= {
        f"contentserver_source_{part}_seconds"
        for part in re.findall(r'_age\(sources, now, "(\w+)"', whole)
    }
    operations = HOME / "contentserver" / "operations"
    for file, prefix in (("ledger.py", "ledger"), ("verification.py", "audit_verification")):
        parts = re.findall(r'^ +\(?"(\w+)"', code[operations / file], re.MULTILINE)
        parts += re.findall(r'^ +\("(\w+)", "', code[operations / file], re.MULTILINE)
        named |= {f"contentserver_{prefix}_{part}" for part in parts}
    return named | {f"{name}_bucket" for name in named if name.endswith("_duration_seconds")}
