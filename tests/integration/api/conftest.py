"""The control plane in this process, over a store and a policy of a test's own."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from contentserver import control
from contentserver.conf import config
from tests.support.catalog import Library
from tests.support.plane import Home


@pytest.fixture
def library(home: Home) -> Iterator[Library]:
    library = Library(home)
    yield library
    library.close()


@pytest.fixture
def control_plane(library: Library, settings: Settings) -> Iterator[Library]:
    """Gate and journal of the library's home; ends with the run's own."""
    settings.CONFIG = library.home.config
    control.install(library.home.config)
    yield library
    control.install(config())


@pytest.fixture
def api(control_plane: Library) -> APIClient:
    """A client that may do everything everywhere."""
    return caller(control_plane.home.api_key)


def caller(api_key: str | None) -> APIClient:
    client = APIClient()
    if api_key is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key}")
    return client
