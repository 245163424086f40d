"""Damage and forgery of every kind. Promise: nothing wrong is served, of a range either."""

import os
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contentserver.store.address import Version
from contentserver.store.derive import unwrap
from contentserver.store.errors import Corrupt, KeyMissing
from contentserver.store.segments import (
    SEGMENT_SIZE,
    SegmentReader,
    body_stream,
    segment_count,
    segment_start,
)
from tests.support import skf1
from tests.support.gcm import ciphertext_for_two_keys
from tests.support.keys import Keys, keyset_of, make_keys
from tests.support.sealed import Sealed, open_sealed, read_sealed, seal

SIZE = segment_start(2) + 5000
BORDERS = [40, SEGMENT_SIZE, 2 * SEGMENT_SIZE]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def file(keys: Keys) -> Sealed:
    return seal(keys, random.Random(1).randbytes(SIZE), subject="42", filename="a.jpg")


def test_every_bit_of_a_header_counts(keys: Keys, file: Sealed) -> None:
    read_sealed(keys, file)
    keys_named = [*range(20, 24), *range(64, 80)]  # kek_id, erasure_id: perhaps a key we lack
    for bit in range(file.header_len * 8):
        raw = bytearray(file.raw[: file.header_len])
        raw[bit // 8] ^= 1 << bit % 8
        damaged = file.with_raw(bytes(raw) + file.raw[file.header_len :])
        allowed = (Corrupt, KeyMissing) if bit // 8 in keys_named else Corrupt
        with pytest.raises(allowed):
            open_sealed(keys, damaged)


def test_ten_thousand_flips_of_a_body_are_refused(keys: Keys, file: Sealed) -> None:
    raw, chance = bytearray(file.raw), random.Random(2)
    header, _ = open_sealed(keys, file)
    body = memoryview(raw)[header.header_len :]
    for _ in range(10_000):
        at, bit = chance.randrange(len(body)), 1 << chance.randrange(8)
        body[at] ^= bit
        reader = SegmentReader(header.stream, lambda o, n: body[o : o + n], SIZE)
        start = segment_start(at // SEGMENT_SIZE)
        with pytest.raises(Corrupt):
            reader.read(start, 1)
        body[at] ^= bit
    assert reader.read(0, SIZE) == file.plain


def test_a_flip_elsewhere_does_not_hinder_a_range(keys: Keys, file: Sealed) -> None:
    raw = bytearray(file.raw)
    raw[-1] ^= 1
    damaged = file.with_raw(bytes(raw))
    assert read_sealed(keys, damaged, 10, 100) == file.plain[10:110]
    with pytest.raises(Corrupt, match="segment 2"):
        read_sealed(keys, damaged, 10, SIZE)


@pytest.mark.parametrize("border", [0, *BORDERS])
@pytest.mark.parametrize("by", [-17, -16, -1, 0, 1, 16])
def test_a_cut_is_refused_even_for_a_range_before_it(
    keys: Keys, file: Sealed, border: int, by: int
) -> None:
    cut = file.with_raw(file.raw[: file.header_len + border + by])
    with pytest.raises(Corrupt):
        read_sealed(keys, cut, 0, 10)


@pytest.mark.parametrize("length", [0, 1, 8, 12, 100, 231, 511])
def test_a_cut_within_the_header_is_refused(keys: Keys, file: Sealed, length: int) -> None:
    with pytest.raises(Corrupt):
        read_sealed(keys, file.with_raw(file.raw[:length]))


@pytest.mark.parametrize("size", [0, 1, segment_start(1), segment_start(2)])
@pytest.mark.parametrize("extra", [1, 16, 17, SEGMENT_SIZE])
def test_an_extension_is_refused_at_each_border(keys: Keys, size: int, extra: int) -> None:
    whole = seal(keys, bytes(size))
    assert read_sealed(keys, whole) == bytes(size)
    for more in (bytes(extra), whole.raw[-extra:]):
        with pytest.raises(Corrupt, match="long"):
            read_sealed(keys, whole.with_raw(whole.raw + more))


def test_a_file_that_ends_early_is_told_from_one_that_was_altered(keys: Keys, file: Sealed) -> None:
    header, _ = open_sealed(keys, file)
    body = file.raw[header.header_len : -1]
    reader = SegmentReader(header.stream, lambda o, n: body[o : o + n], SIZE)
    with pytest.raises(Corrupt, match="ends within"):
        reader.read(0, SIZE)


def test_a_body_without_its_last_segment_is_not_a_shorter_file(keys: Keys, file: Sealed) -> None:
    header, _ = open_sealed(keys, file)
    body = file.raw[header.header_len :][: 2 * SEGMENT_SIZE]
    shorter = SegmentReader(header.stream, lambda o, n: body[o : o + n], segment_start(2))
    with pytest.raises(Corrupt, match="segment 1"):
        shorter.read(0, segment_start(2))


def test_segments_of_two_files_are_not_swapped(keys: Keys, file: Sealed) -> None:
    other = seal(keys, bytes(SIZE), key="b", subject="42", filename="a.jpg")
    for index in range(segment_count(SIZE)):
        damaged = file.with_raw(_with_segment(file, index, other, index))
        with pytest.raises(Corrupt, match=f"segment {index}"):
            read_sealed(keys, damaged, segment_start(index), 1)


def test_segments_of_one_file_are_not_swapped(keys: Keys, file: Sealed) -> None:
    damaged = file.with_raw(_with_segment(file, 1, file, 0))
    with pytest.raises(Corrupt, match="segment 1"):
        read_sealed(keys, damaged, segment_start(1), 1)


def test_a_whole_body_of_another_file_is_refused(keys: Keys, file: Sealed) -> None:
    other = seal(keys, bytes(SIZE), key="b", subject="42", filename="a.jpg")
    assert other.header_len == file.header_len
    damaged = file.with_raw(file.raw[: file.header_len] + other.raw[other.header_len :])
    with pytest.raises(Corrupt):
        read_sealed(keys, damaged, 10, 10)


def test_a_whole_file_in_the_place_of_another_is_refused(keys: Keys, file: Sealed) -> None:
    other = seal(keys, b"other", key="b")
    with pytest.raises(Corrupt, match="another name"):
        open_sealed(keys, other, address=file.address)


def _with_segment(file: Sealed, index: int, source: Sealed, taken: int) -> bytes:
    """The file with one segment's place filled from a segment of another, as far as it goes."""
    raw = bytearray(file.raw)
    begin, end = (file.header_len + edge for edge in _edges(index, len(raw) - file.header_len))
    other = source.raw[source.header_len :]
    low, high = _edges(taken, len(other))
    length = min(end - begin, high - low)
    raw[begin : begin + length] = other[low : low + length]
    return bytes(raw)


def _edges(index: int, size: int) -> tuple[int, int]:
    return max(index * SEGMENT_SIZE, 40), min((index + 1) * SEGMENT_SIZE, size)


class TwoKeys:
    """A file whose wrapped key opens under two year keys, giving two different file keys."""

    def __init__(self, keys: Keys) -> None:
        self.naming = keys.data.naming
        self.year_keys = os.urandom(32), os.urandom(32)
        self.address = skf1.address(self.naming, "photos", "a")
        metadata = {"collection": "photos", "key": "a", "sha256": "0" * 64}
        self.first = skf1.File(self.year_keys[0], b"", b"plain", metadata, self.address)
        self.data = b"skold/wrap/v1\0" + self.first.fixed()
        self.keks = tuple(skf1.kek(key, self.first.kek_id, b"") for key in self.year_keys)
        nonce = self.first.wrap_nonce
        self.wrapped = ciphertext_for_two_keys(self.keks, nonce, self.data, os.urandom(16))
        self.deks = [AESGCM(kek).decrypt(nonce, self.wrapped, self.data) for kek in self.keks]
        self.first.dek, self.first.wrapped = self.deks[0], self.wrapped

    def sealed(self) -> Sealed:
        return Sealed(self.first.write(), self.address, Version(2025, 1), b"plain")


@pytest.fixture
def forged(keys: Keys) -> TwoKeys:
    return TwoKeys(keys)


def test_a_key_that_unwraps_to_another_key_is_refused(
    keys: Keys, forged: TwoKeys, tmp_path: Path
) -> None:
    one, two = (
        Keys(tmp_path, keyset_of(tmp_path, key, forged.naming), keys.bridge, keys.erasure)
        for key in forged.year_keys
    )
    for kek, dek in zip(forged.keks, forged.deks, strict=True):  # AES-GCM alone takes both
        assert unwrap(kek, forged.first.wrap_nonce + forged.wrapped, forged.data, "") == dek
    assert forged.deks[0] != forged.deks[1]
    whole = forged.sealed()
    for _remembered in range(2):
        assert read_sealed(one, whole, 1, 3) == b"lai"
        with pytest.raises(Corrupt, match="commits"):
            read_sealed(two, whole, 1, 3)


def test_a_body_that_opens_under_two_keys_is_served_under_the_one_its_header_commits_to(
    keys: Keys, forged: TwoKeys, tmp_path: Path
) -> None:
    file_id, salt, prefix = forged.first.file_id, forged.first.salt, forged.first.prefix
    ikms = [skf1.body_key(dek) for dek in forged.deks]
    raw_keys = tuple(skf1.stream_key(ikm, file_id, salt) for ikm in ikms)
    sealed = ciphertext_for_two_keys(raw_keys, prefix + bytes(4) + b"\1", b"", os.urandom(32))
    body = b"\x28" + salt + prefix + sealed
    readers = [_reader(dek, file_id, body) for dek in forged.deks]
    plains = [reader.read(0, 48) for reader in readers]
    assert plains[0] != plains[1]  # the body alone answers to both keys, for a range as well
    assert plains[1][5:9] == readers[1].read(5, 4)
    forged.first.plain = bytes(48)
    forged.first.write()
    forged.first.body = body
    whole = Sealed(forged.first.header() + body, forged.address, Version(2025, 1), plains[0])
    one = keyset_of(tmp_path, forged.year_keys[0], forged.naming)
    two = keyset_of(tmp_path, forged.year_keys[1], forged.naming)
    first, second = (Keys(tmp_path, k, keys.bridge, keys.erasure) for k in (one, two))
    assert read_sealed(first, whole, 5, 4) == plains[0][5:9]
    with pytest.raises(Corrupt, match="commits"):
        read_sealed(second, whole, 5, 4)


def _reader(dek: bytes, file_id: bytes, body: bytes) -> SegmentReader:
    stream = body_stream(dek, file_id)
    return SegmentReader(stream, lambda o, n: body[o : o + n], len(body) - 56)
