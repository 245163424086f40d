"""The address of a legacy database comes from the environment, or a file closed to others."""

from pathlib import Path

import pytest

from migrator.legacy.address import AddressMissing, AddressOpen, address_of


def write(home: Path, name: str, text: str, mode: int = 0o600) -> None:
    path = home / "secrets" / "legacy" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_the_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "old-photos.dsn", "host=file\n")
    assert address_of("old-photos", home=tmp_path) == "host=file"
    monkeypatch.setenv("LEGACY_OLD_PHOTOS_DSN", "host=environment")
    assert address_of("old-photos", home=tmp_path) == "host=environment"


def test_each_purpose_has_its_own_and_falls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "old.dsn", "host=read")
    assert address_of("old", "capture", tmp_path) == "host=read"
    write(tmp_path, "old.capture.dsn", "host=capture")
    assert address_of("old", "capture", tmp_path) == "host=capture"
    monkeypatch.setenv("LEGACY_OLD_WRITEBACK_DSN", "host=writeback")
    assert address_of("old", "writeback", tmp_path) == "host=writeback"
    assert address_of("old", "read", tmp_path) == "host=read"


def test_a_missing_address_names_both_ways_to_give_it(tmp_path: Path) -> None:
    with pytest.raises(AddressMissing) as missing:
        address_of("old-photos", "capture", tmp_path)
    assert "LEGACY_OLD_PHOTOS_CAPTURE_DSN" in str(missing.value)
    assert "secrets/legacy/old-photos.capture.dsn" in str(missing.value)
    with pytest.raises(AddressMissing):
        address_of("../old", "read", tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    write(tmp_path, "old.dsn", "password=secret", mode)
    with pytest.raises(AddressOpen) as refused:
        address_of("old", home=tmp_path)
    assert "secret" not in str(refused.value).replace("secrets", "")
