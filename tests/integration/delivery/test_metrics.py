"""What /metrics says of the bridge is what the bridge's status file says."""

import json
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
