"""What /metrics says is well-formed for Prometheus, bridge and review included."""

import shutil
import subprocess

import httpx
import pytest

from tests.support.bridge import RunningBridge, database_url
from tests.support.plane import DataPlane


@pytest.mark.django_db(transaction=True)
def test_promtool_finds_nothing_to_say(start_data_plane):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on the PATH")
    plane: DataPlane = start_data_plane(
        DATABASE_URL=database_url(),
        CONTENTSERVER_NODE="node-lint",
        SKOLD_ANCHORS="http://127.0.0.1:1/hook-4711",
    )
    plane.http.put("/v1/content/photos/a.jpg", content=b"bytes")
    plane.client("skd_nonsense").get("/v1/content/photos/a.jpg")
    bridge = RunningBridge(plane, database_url())
    bridge.start()
    try:
        bridge.wait_until(lambda: "contentserver_findings_open" in metrics(plane))
        bridge.wait_until(lambda: "contentserver_anchor_failures" in metrics(plane))
        text = metrics(plane)
    finally:
        bridge.kill()
    done = subprocess.run(
        [promtool, "check", "metrics"], check=False, input=text, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'contentserver_anchor_age_seconds{place="https-127.0.0.1-' in text
    assert "hook-4711" not in text


def metrics(plane: DataPlane) -> str:
    return httpx.get(f"{plane.url}/metrics").text
