"""A legacy database for each test module."""

from collections.abc import Iterator

import pytest

from tests.support.legacy import legacy_database


@pytest.fixture(scope="module")
def legacy_url(postgres: None) -> Iterator[str]:
    """The address of an empty database, shared by the module's tests; each makes its own schema."""
    with legacy_database() as url:
        yield url
