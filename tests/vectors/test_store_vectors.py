"""The examples of docs/vectors/store, against our code; a second implementation made them."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contentserver.store import derive, header, segments
from contentserver.store.address import (
    Version,
    address_of,
    check_collection,
    check_key,
    slot_path,
)
from contentserver.store.errors import BadMetadata, Corrupt
from tests.support import skf1
from tests.support.keys import Keys, keyset_of, make_keys
from tests.support.sealed import Sealed, read_sealed
from tests.vectors.make_store_vectors import FOLDER, all_vectors, written

ON_DISK = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}


def named(kind: str) -> list[Any]:
    found = [
        pytest.param(ON_DISK[name], id=name) for name in sorted(ON_DISK) if name.startswith(kind)
    ]
    assert found
    return found


def test_the_folder_holds_exactly_what_the_maker_makes() -> None:
    texts = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert texts == {name: written(content) for name, content in all_vectors()}


@pytest.mark.parametrize("vector", named("address-"))
def test_a_file_lies_where_the_example_says(vector: dict[str, Any]) -> None:
    collection, key = check_collection(vector["collection"]), check_key(vector["key"])
    address = address_of(bytes.fromhex(vector["naming"]), collection, key)
    assert (address.hex(), slot_path(2025, address, 12)) == (vector["address"], vector["path"])


@pytest.mark.parametrize("vector", named("key-") + named("collection-"))
def test_a_name_that_is_none_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(BadMetadata):
        address_of(bytes(32), check_collection(vector["collection"]), check_key(vector["key"]))


def test_keys_are_derived_as_the_example_says() -> None:
    vector = ON_DISK["derived-keys"]
    given = vector["given"]
    year, subject, dek, upload, file_id, salt = (
        bytes.fromhex(given[name])
        for name in ("year_key", "erasure_key", "dek", "upload_key", "file_id", "salt")
    )
    kek_id, ad = given["kek_id"], bytes.fromhex(vector["derived"]["ad"])
    ikm = derive.expand(dek, b"skold/tink-key/v1\0")
    made = {
        "kek": derive.key_encrypting_key(year, kek_id),
        "kek_erasable": derive.key_encrypting_key(year, kek_id, subject),
        "commitment": header._commitment(dek, file_id),
        "metadata": header._metadata_key(dek),
        "header_mac": derive.expand(dek, b"skold/hdr-mac/v1\0"),
        "ikm_body": ikm,
        "ikm_part_2": derive.part_key(upload, 2),
        "staging": derive.staging_key(year),
        "ad": segments._associated_data(file_id),
        "segment_key": derive.hkdf(ikm, salt, ad),
    }
    assert {name: key.hex() for name, key in made.items()} == vector["derived"]


@pytest.mark.parametrize("vector", named("part-"))
def test_what_can_be_kept_of_a_part_is_kept(vector: dict[str, Any]) -> None:
    raw, number = base64.b64decode(vector["bytes"]), vector["part"]
    dek, upload = (bytes.fromhex(vector["keys"][name]) for name in ("dek", "upload_key"))
    file_id = bytes.fromhex(vector["file_id"])
    stream = (
        segments.body_stream(dek, file_id)
        if number == 1
        else segments.part_stream(upload, number, file_id)
    )

    def pread(offset: int, length: int) -> bytes:
        return raw[offset : offset + length]

    found = segments.salvage(stream, pread, len(raw))
    assert found == (vector["kept"], vector["expect"] == "finished")
    reader = segments.SegmentReader(stream, pread, found.plain_size, torn=not found.finished)
    assert hashlib.sha256(reader.read(0, found.plain_size)).hexdigest() == vector["sha256"]


@pytest.mark.parametrize("vector", named("two-keys-"))
def test_a_header_opens_under_the_key_it_commits_to_alone(
    vector: dict[str, Any], tmp_path: Path
) -> None:
    raw = base64.b64decode(vector["bytes"])
    (year_key,) = (bytes.fromhex(key) for key in vector["keys"]["year"].values())
    naming, asked = bytes.fromhex(vector["keys"]["naming"]), vector["asked"]
    kek = skf1.kek(year_key, 2025001, b"")
    data = b"skold/wrap/v1\0" + raw[:80]
    assert AESGCM(kek).decrypt(raw[80:92], raw[92:140], data).hex() == vector["unwraps_to"]
    address = skf1.address(naming, asked["collection"], asked["key"])
    file = Sealed(raw, address, Version(asked["year"], asked["number"]), b"")
    others = make_keys(tmp_path / "others")
    keys = Keys(tmp_path, keyset_of(tmp_path, year_key, naming), others.bridge, others.erasure)
    if vector["expect"] == "opens":
        assert hashlib.sha256(read_sealed(keys, file)).hexdigest() == vector["sha256"]
    else:
        with pytest.raises(Corrupt, match="commits"):
            read_sealed(keys, file)


def test_every_example_says_what_it_is_about() -> None:
    assert all(vector["about"] and vector["expect"] for vector in ON_DISK.values())
