"""A store and a bridge of a test's own."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bridge import RunningBridge, database_url
from tests.support.catalog import Library
from tests.support.plane import Home


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    # No other home of the run shares this node: ledger and feed in the database begin at 0.
    home = Home(tmp_path / "home", CONTENTSERVER_NODE=f"node-{uuid.uuid4().hex[:12]}")
    home.config.policy.unlink()  # the bridge publishes the first one
    library = Library(home)
    yield library
    library.close()


@pytest.fixture
def bridge(library: Library, transactional_db: None) -> Iterator[RunningBridge]:
    bridge = RunningBridge(library.home, database_url())
    yield bridge
    bridge.kill()
