"""The server as production runs it, for the tests of this folder: two data-plane processes, bridge,
PostgreSQL.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.production import Production


@pytest.fixture
def start_production(tmp_path: Path) -> Iterator[Callable[..., Production]]:
    """Start one: `start_production(workers=1, CONTENTSERVER_MAX_CONNECTIONS="20")`."""
    with ExitStack() as running:

        def start(workers: int = 2, **environment: str) -> Production:
            production = Production(tmp_path / "production", workers, **environment)
            running.callback(production.close)
            return production.start()

        yield start


@pytest.fixture(scope="package")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """One for all tests that leave it as they found it: running, with more in it."""
    server = Production(tmp_path_factory.mktemp("shared"))
    try:
        yield server.start()
    finally:
        server.close()
