"""The examples of docs/vectors, failures included: what a second implementation is checked against
is what ours is checked against.
"""

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from contentserver.store import keyset_file
from contentserver.store.address import Version, address_of
from contentserver.store.erasure import ErasureKeys
from contentserver.store.errors import Corrupt, Erased, KeyMissing
from contentserver.store.header import header_length, open_header
from contentserver.store.segments import SegmentReader
from skold import urls
from skold.documents import SignatureInvalid, verify
from skold.journal_reader import WriterReader
from tests.support import skf1
from tests.vectors.make_vectors import FOLDER, all_vectors, written

MADE = dict(all_vectors())


def named(kind: str) -> list[Any]:
    found = [pytest.param(MADE[name], id=name) for name in MADE if name.startswith(f"{kind}-")]
    assert found
    return found


def test_the_folder_holds_exactly_what_the_maker_makes():
    on_disk = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert on_disk == {name: written(content) for name, content in MADE.items()}


def raw_of(vector: dict[str, Any]) -> bytes:
    return base64.b64decode(vector["bytes"])


class YearKeys(NamedTuple):
    """What the header asks of a keyset and of erasure keys."""

    years: dict[int, bytes]
    naming: bytes
    subjects: dict[bytes, bytes]

    def year_key(self, kek_id: int) -> bytes:
        return self.years[kek_id]

    def newest_year_key(self, year: int) -> tuple[int, bytes]:
        raise NotImplementedError

    def get(self, erasure_id: bytes, *, cached_only: bool = False) -> bytes:
        return self.subjects[erasure_id]


def keys_of(vector: dict[str, Any]) -> YearKeys:
    keys = vector["keys"]
    return YearKeys(
        {int(kek_id): bytes.fromhex(key) for kek_id, key in keys["year"].items()},
        bytes.fromhex(keys["naming"]),
        {bytes.fromhex(name): bytes.fromhex(key) for name, key in keys["erasure"].items()},
    )


def open_file(vector: dict[str, Any]) -> bytes:
    raw, keys, asked = raw_of(vector), keys_of(vector), vector["asked"]
    length = header_length(raw)
    header = open_header(
        raw,
        keys,
        keys,
        address=address_of(keys.naming, asked["collection"], asked["key"]),
        version=Version(asked["year"], asked["number"]),
        body_size=len(raw) - length,
    )
    body = raw[length:]
    reader = SegmentReader(header.stream, lambda at, size: body[at : at + size], header.size)
    plain = reader.read(0, header.size)
    if not header.size:
        reader.read(0, 1)
    assert header.digest.hex() == skf1.hashlib.sha256(plain).hexdigest()
    return plain


def open_file_again(vector: dict[str, Any]) -> bytes:
    keys, asked = keys_of(vector), vector["asked"]
    return skf1.open_file(
        raw_of(vector),
        year_keys=keys.years,
        naming=keys.naming,
        erasure_keys=keys.subjects,
        asked_address=skf1.address(keys.naming, asked["collection"], asked["key"]),
        asked=(asked["year"], asked["number"]),
    ).plain


@pytest.mark.parametrize("vector", named("file"))
def test_stored_files_open_or_are_refused(vector):
    for open_it, refusal in ((open_file, Corrupt), (open_file_again, skf1.Refused)):
        if vector["expect"] == "opens":
            plain = open_it(vector)
            assert len(plain) == vector["size"]
            assert skf1.hashlib.sha256(plain).hexdigest() == vector["sha256"]
        else:
            with pytest.raises((refusal, KeyError) if refusal is skf1.Refused else refusal):
                open_it(vector)


@pytest.mark.parametrize("vector", named("keyset"))
def test_keysets_open_or_are_refused(vector):
    root_key = bytes.fromhex(vector["root_key"])
    if vector["expect"] == "refused":
        with pytest.raises(Corrupt):
            keyset_file.decode(raw_of(vector), root_key, vector["role"], "the keyset")
        return
    number, entries = keyset_file.decode(raw_of(vector), root_key, vector["role"], "the keyset")
    assert number == 7
    years = {entry.id: entry.key.hex() for entry in entries if entry.kind == "year"}
    assert years == vector["keys"]["year"]


@pytest.mark.parametrize("vector", named("erasure"))
def test_erasure_keys_open_are_refused_or_say_erased(vector, tmp_path: Path):
    name = vector["asked"]["erasure_id"]
    place = tmp_path / name[:2] / name[2:4] / name
    place.parent.mkdir(parents=True)
    place.write_bytes(raw_of(vector))
    tombstone_keys = {i: bytes.fromhex(k) for i, k in vector["keys"]["tombstone"].items()}
    wrapping = bytes.fromhex(vector["keys"]["wrapping"]["1"])
    keys = ErasureKeys(tmp_path, wrapping, bytes(32), tombstone_keys)
    try:
        if vector["expect"] == "opens":
            assert keys.get(bytes.fromhex(name)).hex() == vector["key"]
        else:
            with pytest.raises({"refused": Corrupt, "erased": Erased}[vector["expect"]]):
                keys.get(bytes.fromhex(name))
        with pytest.raises(KeyMissing):
            keys.get(bytes(16))
    finally:
        keys.close()


@pytest.mark.parametrize("vector", named("signed"))
def test_signed_documents_verify_or_are_refused(vector):
    public = {key_id: bytes.fromhex(key) for key_id, key in vector["keys"].items()}
    if vector["expect"] == "refused":
        with pytest.raises(SignatureInvalid):
            verify(raw_of(vector), vector["kind"], public)
        return
    document = verify(raw_of(vector), vector["kind"], public)
    assert (document.number, document.payload) == (vector["number"], vector["payload"])


@pytest.mark.parametrize("vector", named("journal"))
def test_a_journal_is_read_up_to_its_first_bad_frame(vector, tmp_path: Path):
    folder = tmp_path / vector["writer"]
    folder.mkdir()
    (folder / "00000000.skj").write_bytes(raw_of(vector))
    frames = WriterReader(tmp_path, vector["writer"]).read()
    assert [frame.n for frame in frames] == list(range(vector["good_records"]))
    assert all(frame.private_intact for frame in frames)


@pytest.mark.parametrize("vector", named("url"))
def test_signed_urls_are_valid_or_refused(vector):
    secret, path = bytes.fromhex(vector["secret"]), vector["path"].encode()
    given = urls.parse(vector["query"].encode())
    assert urls.matches(secret, vector["method"], path, given) is (vector["expect"] == "valid")


def test_what_we_sign_is_what_the_examples_say():
    vector = MADE["url-subject"]
    url = urls.sign_url(
        bytes.fromhex(vector["secret"]),
        "k1",
        "GET",
        vector["path"],
        expires=1893456000,
        subject="m. lind/é",
        disposition="inline",
    )
    assert sorted(url.partition("?")[2].split("&")) == sorted(vector["query"].split("&"))


def test_every_example_says_what_it_is_about():
    for name, vector in MADE.items():
        assert vector["about"], name
        assert json.loads(written(vector)) == vector
