"""The server as production runs it, for the tests of this folder: two data-plane processes, bridge,
PostgreSQL.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.production import Production
from tests.support.migrated import prepare_folder


@pytest.fixture
def start_production(tmp_path: Path) -> Iterator[Callable[..., Production]]:
    """Start one: `start_production(workers=1, CONTENTSERVER_MAX_CONNECTIONS="20")`."""
    with ExitStack() as running:

        def start(workers: int = 2, **environment: str) -> Production:
            prepare_folder(tmp_path / "production" / "pg")
            production = Production(tmp_path / "production", workers, **environment)
            running.callback(production.close)
            return production.start()

        yield start


@pytest.fixture(scope="package")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """One for all tests that leave it as they found it: running, with more in it."""
    folder = tmp_path_factory.mktemp("shared")
    prepare_folder(folder / "pg")
    server = Production(folder)
    try:
        yield server.start()
    finally:
        server.close()
