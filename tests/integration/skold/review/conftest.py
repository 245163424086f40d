"""Records in PostgreSQL, and a review that knows where its ledger lies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from skold.control import review_parts
from skold.control.review_parts import ReviewParts
from skold.thresholds import Thresholds
from tests.support.audit_rows import AuditRows


@pytest.fixture
def rows(db: None) -> AuditRows:
    """An empty audit."""
    return AuditRows()


@pytest.fixture
def review_of(tmp_path: Path) -> Iterator[ReviewParts]:
    """The parts of a node without journals; what was installed before comes back."""
    (tmp_path / "ledger").mkdir()
    before = review_parts._installed
    made = ReviewParts(
        node="node-1",
        ledger=tmp_path / "ledger",
        journals=[],
        anchors=[],
        thresholds=Thresholds(),
        address_of=lambda _collection, _key: None,
        files_about=lambda _subject, _limit: [],
        names_of=lambda _addresses: {},
    )
    review_parts.install(made)
    yield made
    review_parts._installed = before
