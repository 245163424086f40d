"""What /metrics says of the bridge is what the bridge's status file says."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from contentserver import runtime
from tests.support.plane import DataPlane


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    plane = DataPlane(tmp_path_factory.mktemp("metrics") / "home")
    try:
        yield plane.start()
    finally:
        plane.close()


@pytest.mark.parametrize(
    ("ledger", "audit", "shown"),
    [
        ({"leaves": 900}, {"copied": 250}, "650.0"),
        ({"leaves": 900}, {"copied": 900}, "0.0"),
        ({"leaves": 900}, {"copied": None}, None),
        ({}, {}, None),
    ],
)
def test_it_counts_the_records_that_wait_for_postgresql(
    plane: DataPlane, ledger: dict[str, Any], audit: dict[str, Any], shown: str | None
) -> None:
    status = {"loops": {"ledger": {"facts": ledger}, "audit": {"facts": audit}}}
    runtime.bridge_status(plane.config).write_text(json.dumps(status))
    lines = plane.http.get("/metrics").text.splitlines()
    found = [line.split()[1] for line in lines if line.startswith("contentserver_audit_waiting")]
    assert found == ([] if shown is None else [shown])


@pytest.mark.parametrize(("silent", "shown"), [(1.0, ["7.0", "0.0"]), (60.0, [])])
def test_it_repeats_what_other_parts_measure_while_the_bridge_speaks(
    plane: DataPlane, silent: float, shown: list[str]
) -> None:
    samples = [[["photos"], 7.0], [["papers"], 0.0]]
    gauge = ["contentserver_source_backlog_changes", "Changes.", ["source"], samples]
    status = {"at": time.time() - silent, "loops": {"sources": {"facts": {"gauges": [gauge]}}}}
    runtime.bridge_status(plane.config).write_text(json.dumps(status))
    lines = plane.http.get("/metrics").text.splitlines()
    named = 'contentserver_source_backlog_changes{source="'
    assert [line.split()[1] for line in lines if line.startswith(named)] == shown
    (said,) = [line for line in lines if line.startswith("contentserver_bridge_silent_seconds ")]
    assert silent <= float(said.split()[1]) < silent + 20
