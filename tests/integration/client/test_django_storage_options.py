"""Where the Django storage takes its options and credentials from, and what it refuses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import override_settings

from contentserver.client.django_storage import ContentServerStorage
from tests.integration.client.storage_support import MakeStorage, credentials_of, use
from tests.support.plane import DataPlane

BACKEND = "contentserver.client.django_storage.ContentServerStorage"


@pytest.fixture(scope="module")
def environment(shared_data_plane: DataPlane) -> dict[str, str]:
    return credentials_of(shared_data_plane)


@pytest.fixture
def storage_of(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> MakeStorage:
    return use(monkeypatch, environment)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ContentServerStorage]:
    """Storages without anything in the environment."""
    return use(monkeypatch, {})


def works(storage: ContentServerStorage) -> bool:
    name = storage.save("works.txt", ContentFile(b"works"))
    with storage.open(name) as file:
        return bool(file.read() == b"works") and "sig=" in storage.url(name)


def config_of(environment: dict[str, str], folder: Path, mode: int) -> str:
    path = folder / "contentserver.toml"
    names = {name.removeprefix("CONTENTSERVER_").lower(): name for name in environment}
    lines = [f'{short} = "{environment[name]}"' for short, name in names.items()]
    path.write_text("\n".join(lines), encoding="utf-8")
    path.chmod(mode)
    return str(path)


def test_all_can_stand_in_storages_and_the_environment(storage_of: MakeStorage) -> None:
    storage_of()  # the environment is set
    options = {"collection": "photos", "prefix": "by-setting"}
    with override_settings(STORAGES={"default": {"BACKEND": BACKEND, "OPTIONS": options}}):
        assert works(storages["default"])  # type: ignore[arg-type]


def test_options_that_are_not_given_come_from_one_setting(storage_of: MakeStorage) -> None:
    storage_of()
    with override_settings(CONTENTSERVER_STORAGE={"collection": "photos", "prefix": "a"}):
        assert ContentServerStorage().key("x") == "a/x"
        assert ContentServerStorage(prefix="b").key("x") == "b/x"
        assert works(ContentServerStorage())


def test_credentials_can_stand_in_djangos_settings(
    bare: MakeStorage, environment: dict[str, str]
) -> None:
    secrets = {name: value for name, value in environment.items() if name != "CONTENTSERVER_URL"}
    with override_settings(**secrets):
        assert works(bare(url=environment["CONTENTSERVER_URL"]))


def test_a_file_can_hold_address_and_credentials(
    bare: MakeStorage, environment: dict[str, str], tmp_path: Path
) -> None:
    assert works(bare(config=config_of(environment, tmp_path, 0o600)))


def test_a_file_that_others_may_read_is_refused(
    bare: MakeStorage, environment: dict[str, str], tmp_path: Path
) -> None:
    storage = bare(config=config_of(environment, tmp_path, 0o644))
    with pytest.raises(ImproperlyConfigured, match="chmod 600"):
        storage.exists("a.txt")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colection": "photos"}, "'colection' is no option"),
        ({"api_key": "skd_x"}, "CONTENTSERVER_API_KEY"),
        ({"url_key": "c2VjcmV0"}, "CONTENTSERVER_URL_KEY"),
        ({"commit": "later"}, "commit of the storage must be one of"),
        ({"url_disposition": "download"}, "url_disposition of the storage must be one of"),
        ({"url_lifetime": 0}, "url_lifetime of the storage is in seconds"),
    ],
)
def test_it_refuses_options_that_mean_nothing(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=said) as raised:
        ContentServerStorage(**{"collection": "photos", **options})
    assert "skd_x" not in str(raised.value)


def test_what_is_missing_is_said_when_it_is_needed(bare: MakeStorage) -> None:
    with pytest.raises(ImproperlyConfigured, match="CONTENTSERVER_URL"):
        bare().exists("a.txt")
    with pytest.raises(ImproperlyConfigured, match="collection"):
        bare(url="http://127.0.0.1:1", collection="").exists("a.txt")


def test_storages_of_one_server_share_their_connections(storage_of: MakeStorage) -> None:
    one, other, elsewhere = storage_of(), storage_of(), storage_of(timeout=5)
    assert one.client is other.client
    assert one.client is not elsewhere.client
