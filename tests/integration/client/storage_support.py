"""A storage on a data plane, for the tests of the Django storage."""

import base64
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from contentserver.client.django_storage import ContentServerStorage
from contentserver.client.django_storage.pool import pool
from contentserver.client.errors import NotFound
from tests.support.plane import DataPlane
from tests.support.url_keys import add_url_key

MakeStorage = Callable[..., ContentServerStorage]


def credentials_of(plane: DataPlane) -> dict[str, str]:
    """The environment of a system that uses `plane`; publishes a signing key for it."""
    secret = add_url_key(plane, "tester", "django-1")
    plane.obey()
    return {
        "CONTENTSERVER_URL": plane.url,
        "CONTENTSERVER_API_KEY": plane.api_key,
        "CONTENTSERVER_URL_KEY_ID": "django-1",
        "CONTENTSERVER_URL_KEY": base64.b64encode(secret).decode(),
    }


def use(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> MakeStorage:
    """Storages that take their server and credentials from `environment`, each in a folder of its
    own.
    """
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    pool.forget()

    def make(**options: Any) -> ContentServerStorage:
        folder = options.pop("prefix", f"t{os.urandom(6).hex()}")
        return ContentServerStorage(**{"collection": "photos", "prefix": folder, **options})

    return make


def versions_of(storage: ContentServerStorage, name: str) -> list[tuple[str | None, bool]]:
    """Version and whether it is a delete marker, oldest first."""
    found = storage.client.versions("photos", storage.key(name))
    return [(each.version, each.deleted) for each in found]


def is_gone(storage: Any, upload_url: str) -> bool:
    """Whether an upload is deleted soon."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            storage.client.upload(upload_url)
        except NotFound:
            return True
        time.sleep(0.05)
    return False
