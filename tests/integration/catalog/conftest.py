"""A store of a test's own beside the run's PostgreSQL."""

from collections.abc import Iterator

import pytest

from tests.support.catalog import Library
from tests.support.plane import Home


@pytest.fixture
def library(home: Home) -> Iterator[Library]:
    library = Library(home)
    yield library
    library.close()
