"""A ledger of 300 records, and what sends its checkpoint."""

from collections.abc import Callable
from pathlib import Path

import pytest

from skold.anchors.anchoring import Anchoring
from skold.anchors.places import parse_place
from skold.anchors.ways import Ways
from tests.support.anchoring import GrowingLedger


@pytest.fixture
def ledger(tmp_path: Path) -> GrowingLedger:
    folder = tmp_path / "ledger"
    folder.mkdir()
    ledger = GrowingLedger(folder)
    ledger.grow_to(300)
    return ledger


Make = Callable[..., Anchoring]


@pytest.fixture
def anchoring(ledger: GrowingLedger) -> Make:
    def make(address: str, ways: Ways | None = None, **options: object) -> Anchoring:
        options = {"interval": 3600.0, **options}
        return Anchoring(ledger.folder, parse_place(address), ways or Ways(patience=5.0), **options)

    return make
