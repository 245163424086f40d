"""Alerts that can be loaded, and that ask for metrics which exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
RULES = HOME / "deploy" / "prometheus-rules.yml"
METRIC = re.compile(r"contentserver_[a-z_]+")
CODE = (
    HOME / "contentserver" / "delivery",
    HOME / "contentserver" / "operations",
    HOME / "migrator",
)


def test_prometheus_takes_them():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on the PATH: the alerts were not loaded")
    done = subprocess.run(
        [promtool, "check", "rules", str(RULES)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_metric_that_they_ask_for_is_published():
    code = "\n".join(path.read_text() for folder in CODE for path in folder.rglob("*.py"))
    named = set(METRIC.findall(code))
    named |= {
        f"contentserver_source_{part}" for part in re.findall(r'^    \("(\w+)"', code, re.MULTILINE)
    }
    named |= {
        f"contentserver_source_{part}_seconds"
        for part in re.findall(r'_age\(sources, now, "(\w+)"', code)
    }
    asked = set(METRIC.findall(RULES.read_text()))
    assert len(asked) > 12
    assert asked <= named, asked - named
