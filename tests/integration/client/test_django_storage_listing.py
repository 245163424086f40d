"""`listdir` of the Django storage, which asks the control plane."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from pytest_django import Settings

from tests.integration.client.storage_support import use
from tests.support.both_planes import both_planes


@pytest.mark.slow
def test_listing_folds_what_the_catalog_names(
    tmp_path: Path,
    transactional_db: None,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with both_planes(tmp_path / "home", settings, "photos") as planes:
        storage = use(monkeypatch, planes.environment_of_client)(prefix="listed")
        beside = use(monkeypatch, planes.environment_of_client)(prefix="listed2")
        for name in ("gone.txt", "a.txt", "d/b ü.txt", "d/e/c.txt", "dx/y"):
            storage.save(name, ContentFile(b""))
        storage.delete("gone.txt")
        beside.save("other.txt", ContentFile(b""))
        expected = (["d", "dx"], ["a.txt"])
        planes.bridge.wait_until(lambda: storage.listdir("") == expected, seconds=60.0)
        assert storage.listdir("d/") == storage.listdir("/d") == (["e"], ["b ü.txt"])
        assert storage.listdir("none") == ([], [])
