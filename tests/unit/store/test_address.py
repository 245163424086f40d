"""Names of files: what is one, and where it lies. Promise: no text of a user becomes a path."""

import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.store.address import (
    Version,
    address_of,
    check_collection,
    check_key,
    slot_path,
)
from contentserver.store.errors import BadMetadata

NAMING = bytes(range(32))


@given(st.text(), st.text())
def test_a_path_is_made_of_hexadecimal_digits_whatever_the_name(collection: str, key: str) -> None:
    try:
        address = address_of(NAMING, check_collection(collection), check_key(key))
    except BadMetadata:
        return
    path = slot_path(2025, address, 1)
    assert re.fullmatch(r"2025/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{32}\.1", path)


def test_the_address_is_the_hmac_of_collection_zero_and_key() -> None:
    expected = hmac.new(NAMING, b"photos\0students/\xc3\xa5", hashlib.sha256).digest()[:16]
    address = address_of(NAMING, "photos", "students/å")
    assert address == expected
    name = expected.hex()
    assert slot_path(2026, address, 12) == f"2026/{name[:2]}/{name[2:4]}/{name}.12"


@pytest.mark.parametrize("name", ["a", "photos", "0_-", "a" * 64])
def test_it_takes_collection_names_of_the_format(name: str) -> None:
    assert check_collection(name) == name


@pytest.mark.parametrize("name", ["", "A", "-a", "_a", "a.b", "a/b", "a" * 65, "å", "a\n", "a\0"])
def test_it_refuses_other_collection_names(name: str) -> None:
    with pytest.raises(BadMetadata, match="collection"):
        check_collection(name)


@pytest.mark.parametrize("key", ["a", "a/b/c.jpg", "å" * 256, "...", "a..b", "~", "\u202e", " "])
def test_it_takes_keys_of_the_format(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "bytes"),
        ("å" * 256 + "a", "bytes"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("a\x7f", "control"),
        ("a\x85b", "control"),
        ("e\u0301", "normalisation"),
        ("/a", "segment"),
        ("a/", "segment"),
        ("a//b", "segment"),
        ("a/../b", "segment"),
        ("./a", "segment"),
        ("..", "segment"),
        ("\ud800", "surrogate"),
    ],
)
def test_it_refuses_a_key_with_the_reason(key: str, reason: str) -> None:
    with pytest.raises(BadMetadata, match=reason) as caught:
        check_key(key)
    assert caught.value.field == "key"


@given(st.integers(1, 9999), st.integers(1, 2**32 - 1))
def test_a_version_is_read_as_it_is_written(year: int, number: int) -> None:
    assert Version.parse(str(Version(year, number))) == Version(year, number)


@pytest.mark.parametrize(
    "text",
    ["", "2025", "2025.", ".1", "2025.0", "0.1", "02025.1", "2025.01", "2025.1 ", "2025.-1",
     "2025.4294967296", "٢٠٢٥.1", "2025.1\n", "12025.1"],
)  # fmt: skip
def test_it_refuses_any_other_spelling_of_a_version(text: str) -> None:
    with pytest.raises(BadMetadata, match="version"):
        Version.parse(text)


def test_versions_are_ordered_by_year_then_number() -> None:
    later = [Version(2024, 10), Version(2025, 2), Version(2025, 10)]
    assert sorted({*later}) == later
