"""Sealing and opening headers. Promises: nothing stored changes, nothing wrong is served."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.store import header as headers
from contentserver.store.address import Version
from contentserver.store.errors import BadMetadata, Corrupt, Erased, KeyMissing
from contentserver.store.header import header_length_for, peek
from contentserver.store.metadata import Metadata
from tests.support import skf1
from tests.support.keys import KEK_ID, Keys, keyset_of, make_keys
from tests.support.sealed import open_sealed, read_sealed, seal
from tests.support.tombstones import bury


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def own_keys(tmp_path: Path) -> Keys:
    return make_keys(tmp_path)


def test_what_was_sealed_is_opened(keys: Keys) -> None:
    file = seal(keys, b"bytes", media_type="image/jpeg", filename="å.jpg", custom={"b": "1"})
    header, reader = open_sealed(keys, file)
    assert reader.read(0, 5) == b"bytes"
    assert (header.version, header.year, header.number) == (Version(2025, 1), 2025, 1)
    assert (header.size, header.kek_id, header.address) == (5, KEK_ID, file.address)
    assert (header.erasable, header.imported, header.deleted) == (False, False, False)
    assert header.digest == hashlib.sha256(b"bytes").digest()
    assert header.body_sha256 == hashlib.sha256(file.raw[header.header_len :]).digest()
    assert header.metadata.filename == "å.jpg"
    assert header.metadata.custom == {"b": "1"}


@pytest.mark.parametrize("flag", ["imported", "deleted"])
def test_flags_are_told(keys: Keys, flag: str) -> None:
    header, _ = open_sealed(keys, seal(keys, b"", **{flag: True}))
    told = {name for name in ("imported", "deleted", "erasable") if getattr(header, name)}
    assert told == {flag}


def test_a_second_implementation_opens_it(keys: Keys) -> None:
    file = seal(keys, b"x" * 200_000, subject="42", filename='"q".txt', imported=True)
    erasure_id = keys.erasure.id_for("photos", "42")
    opened = skf1.open_file(
        file.raw,
        year_keys={KEK_ID: keys.data.year_key(KEK_ID)},
        naming=keys.data.naming,
        erasure_keys={erasure_id: keys.erasure.get(erasure_id)},
        asked_address=file.address,
        asked=(2025, 1),
    )
    assert opened.plain == file.plain
    assert opened.metadata["filename"] == '"q".txt'
    assert opened.flags == 3


def test_no_name_and_no_digest_of_the_plaintext_is_in_the_clear(keys: Keys) -> None:
    file = seal(keys, b"known plaintext", key="secret-name", subject="subject-1")
    digest = hashlib.sha256(b"known plaintext")
    for word in (b"secret-name", b"subject-1", digest.digest(), digest.hexdigest().encode()):
        assert word not in file.raw


def test_peek_tells_the_clear_fields_without_keys(keys: Keys) -> None:
    file = seal(keys, b"bytes")
    found = peek(file.raw)
    assert (found.version, found.address, found.size) == (file.version, file.address, 5)
    assert found.header_len + found.body_size == len(file.raw)


def test_a_year_key_that_is_missing_is_named(keys: Keys) -> None:
    file = seal(keys, b"bytes")
    raw = file.raw[:20] + (2031001).to_bytes(4, "big") + file.raw[24:]
    with pytest.raises(KeyMissing, match="2031001"):
        open_sealed(keys, file.with_raw(raw))


def test_an_erasure_key_that_is_gone_is_missed_at_once(own_keys: Keys) -> None:
    file = seal(own_keys, b"bytes", subject="42")
    assert read_sealed(own_keys, file) == b"bytes"
    name = own_keys.erasure.id_for("photos", "42").hex()
    (own_keys.folder / "erasure" / name[:2] / name[2:4] / name).unlink()
    with pytest.raises(KeyMissing, match=name):
        read_sealed(own_keys, file)


def test_a_tombstone_holds_for_a_header_that_was_opened_before(own_keys: Keys) -> None:
    file = seal(own_keys, b"bytes", subject="42")
    assert read_sealed(own_keys, file) == b"bytes"
    bury(own_keys, own_keys.erasure.id_for("photos", "42"))
    with pytest.raises(Erased):
        read_sealed(own_keys, file)


def test_another_key_of_the_same_id_opens_nothing_not_even_what_is_remembered(
    keys: Keys, tmp_path: Path
) -> None:
    file = seal(keys, b"bytes")
    assert read_sealed(keys, file) == b"bytes"
    other = keyset_of(tmp_path, os.urandom(32), keys.data.naming)
    with pytest.raises(Corrupt, match="key"):
        read_sealed(Keys(tmp_path, other, keys.bridge, keys.erasure), file)


def test_a_file_is_only_opened_under_its_own_name_and_version(keys: Keys) -> None:
    file, other = seal(keys, b"bytes"), seal(keys, b"bytes", key="b")
    for _remembered in range(2):
        for asked in ({"address": other.address}, {"version": Version(2025, 2)}):
            with pytest.raises(Corrupt, match="another name or version"):
                open_sealed(keys, file, **asked)
        open_sealed(keys, file)


def test_metadata_of_another_name_are_refused(keys: Keys) -> None:
    whole = crafted(keys, metadata={"collection": "photos", "key": "b", "sha256": "0" * 64})
    with pytest.raises(Corrupt, match="another name"):
        open_sealed(keys, whole)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"size": 4}, "size"),
        ({"padding": b"x"}, "laid out"),
        ({"suite": 2}, "suite"),
        ({"flags": 8}, "flag"),
        ({"flags": 1}, "erasure"),
        ({"erasure_id": b"e" * 16}, "erasure"),
        ({"segment_size": 65536}, "segment size"),
        ({"zero": 1}, "laid out"),
        ({"version": 2}, "another version"),
        ({"magic": b"\x89PNG\r\n\x1a\n"}, "does not begin"),
        ({"header_len": 8192}, "length"),
        ({"commitment": bytes(32)}, "commits"),
        ({"metadata": {"collection": "photos", "key": "a"}}, "digest"),
        ({"metadata": {"collection": "photos", "key": "a", "new": "x"}}, "known names"),
        ({"metadata": {"collection": "photos", "key": 1}}, "not text"),
    ],
)
def test_a_header_that_authenticates_but_is_none_is_refused(
    keys: Keys, wrong: dict[str, object], reason: str
) -> None:
    whole = crafted(keys, **wrong)
    with pytest.raises(Corrupt, match=reason):
        open_sealed(keys, whole)


def test_the_crafted_header_is_good_without_the_mistake(keys: Keys) -> None:
    assert read_sealed(keys, crafted(keys)) == b"plain"


def crafted(keys: Keys, **wrong: object) -> "SimpleNamespace":
    """A file of the second implementation, any field wrong."""
    address = skf1.address(keys.data.naming, "photos", "a")
    digest = hashlib.sha256(b"plain").hexdigest()
    facts = {
        "year_key": keys.data.year_key(KEK_ID),
        "dek": os.urandom(32),
        "plain": b"plain",
        "metadata": {"collection": "photos", "key": "a", "sha256": digest},
        "address": address,
    }
    raw = skf1.File(**facts | wrong).write()
    return SimpleNamespace(raw=raw, address=address, version=Version(2025, 1))


def test_what_the_commit_adds_always_fits(keys: Keys) -> None:
    staged = Metadata(
        collection="c" * 64,
        key='"' * 512,
        media_type="m" * 127,
        filename="f" * 255,
        created_by="b" * 64,
        data_subject="s" * 128,
        source="o" * 256,
        custom={"k": "v" * (1024 - len('{"k":""}'))},
    )
    assert header_length_for(staged) <= headers.HEADER_MAX
    facts = {name: getattr(staged, name) for name in ("filename", "media_type", "source", "custom")}
    full = seal(
        keys, b"", collection="c" * 64, key='"' * 512, created_by="b" * 64, subject="s" * 128,
        on_behalf_of="n" * 256, original_time="2025-01-31T12:00:00.000000001Z", **facts,
    )  # fmt: skip
    assert full.header_len <= headers.HEADER_MAX
    assert read_sealed(keys, full) == b""


@given(length=st.integers(0, 700), behalf=st.booleans())
def test_the_length_reserved_at_stage_one_is_enough_for_the_commit(
    length: int, behalf: bool
) -> None:
    staged = Metadata(collection="photos", key="a", custom={"k": "v" * length})
    full = replace(
        staged,
        sha256="0" * 64,
        on_behalf_of="n" * 256 if behalf else None,
        original_time="2025-01-31T12:00:00.000000001Z",
    )
    room = header_length_for(staged)
    assert room % 512 == 0
    assert 232 + 12 + len(full.to_json()) + 16 + 32 <= room


def test_metadata_that_do_not_fit_are_refused(keys: Keys) -> None:
    with pytest.raises(BadMetadata, match="fit"):
        headers.seal_header(
            keyset=keys.data,
            erasure=keys.erasure,
            dek=bytes(32),
            file_id=bytes(16),
            header_len=512,
            address=bytes(16),
            version=Version(2025, 1),
            metadata=Metadata(collection="photos", key="k" * 400, sha256="0" * 64),
            size=0,
            body_size=56,
            committed_at_ns=0,
            body_sha256=bytes(32),
        )
