"""The admin over a store of a test's own, and somebody who is signed in."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from contentserver import control
from contentserver.conf import config
from tests.support.catalog import Library
from tests.support.plane import Home


@pytest.fixture
def library(home: Home, settings: Settings, db: None) -> Iterator[Library]:
    library = Library(home)
    settings.CONFIG = home.config
    control.install(home.config)
    yield library
    control.install(config())
    library.close()


@pytest.fixture
def staff(db: None) -> User:
    """Somebody who may enter, and nothing else yet."""
    return User.objects.create_user("kim", is_staff=True)


@pytest.fixture
def browser(library: Library, admin_user: User) -> Client:
    """Signed in as somebody who may do everything."""
    client = Client()
    client.force_login(admin_user)
    return client
