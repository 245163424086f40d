"""A legacy server for each test, which it may stall and kill."""

from collections.abc import Iterator

import pytest

from tests.support.draining.drain import SERVER
from tests.support.servers import TestPostgres, running_postgres


@pytest.fixture
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestPostgres]:
    with running_postgres(tmp_path_factory.mktemp("legacy"), **SERVER) as server:
        yield server
