"""Segment arithmetic, and reading any range of a body. Promise: nothing wrong is served."""

import hashlib
import os
import random
import tracemalloc
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentserver.store.errors import Corrupt
from contentserver.store.segments import (
    SEGMENT_SIZE,
    SegmentReader,
    SegmentWriter,
    body_size,
    body_stream,
    part_stream,
    salvage,
    segment_count,
    segment_of,
    segment_start,
)
from tests.support import skf1

DEK, UPLOAD_KEY, FILE_ID = bytes(range(32)), bytes(range(32, 64)), bytes(range(16))
STREAM = body_stream(DEK, FILE_ID)
BORDERS = [segment_start(n) + d for n in (1, 2, 3) for d in (-1, 0, 1)]
SIZES = [0, 1, 1000, *BORDERS]
sizes = st.one_of(st.sampled_from(BORDERS), st.integers(0, 2**40))


@cache
def plain_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@cache
def body_of(size: int) -> bytes:
    writer = SegmentWriter(STREAM)
    return b"".join(writer.write(plain_of(size)) + writer.finish())


def reader_of(raw: bytes, size: int, **torn: bool) -> SegmentReader:
    return SegmentReader(STREAM, lambda offset, n: raw[offset : offset + n], size, **torn)


@given(sizes)
def test_the_body_is_as_long_as_its_segments(size: int) -> None:
    full, rest = divmod(max(size - (SEGMENT_SIZE - 56), 0), SEGMENT_SIZE - 16)
    assert segment_count(size) == 1 + full + bool(rest)
    assert body_size(size) == 40 + size + 16 * segment_count(size)


@given(sizes)
def test_an_offset_lies_in_the_segment_that_begins_at_or_before_it(offset: int) -> None:
    index = segment_of(offset)
    assert segment_start(index) <= offset < segment_start(index + 1)


@given(sizes)
def test_every_segment_but_the_last_is_full(size: int) -> None:
    last = segment_count(size) - 1
    assert 0 <= body_size(size) - max(last * SEGMENT_SIZE, 40) - 16 <= SEGMENT_SIZE - 16
    assert segment_start(last) <= size


@pytest.mark.parametrize("size", SIZES)
def test_a_second_implementation_reads_what_we_write(size: int) -> None:
    assert len(body_of(size)) == body_size(size)
    assert skf1.open_body(skf1.body_key(DEK), FILE_ID, body_of(size)) == plain_of(size)


@pytest.mark.parametrize("size", SIZES)
def test_we_read_what_a_second_implementation_writes(size: int) -> None:
    ikm = skf1.body_key(DEK)
    raw = skf1.seal_body(ikm, FILE_ID, plain_of(size), os.urandom(32), os.urandom(7))
    assert reader_of(raw, size).read(0, size) == plain_of(size)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_range_is_the_slice_of_the_plaintext(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from(SIZES))
    start = data.draw(st.one_of(st.sampled_from(BORDERS), st.integers(0, size + 5)))
    length = data.draw(st.integers(0, size + 5))
    expected = plain_of(size)[start : start + length]
    reader = reader_of(body_of(size), size)
    assert reader.read(start, length) == expected
    assert b"".join(reader.pieces(start, length)) == expected


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_pieces_of_any_size_make_the_same_stream(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from(SIZES))
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=6)))
    writer = SegmentWriter(STREAM)
    out = []
    for begin, end in zip([0, *cuts], [*cuts, size], strict=True):
        out += writer.write(memoryview(plain_of(size))[begin:end])
        assert 0 <= writer.plain_size - writer.sealed_size <= SEGMENT_SIZE
    raw = b"".join(out + writer.finish())
    assert reader_of(raw, size).read(0, size) == plain_of(size)
    assert (writer.plain_size, writer.sealed_size, writer.size) == (size, size, len(raw))
    assert writer.plain_sha256 == hashlib.sha256(plain_of(size)).digest()
    assert writer.body_sha256 == hashlib.sha256(raw).digest()


def test_a_range_reads_its_own_segments_and_the_prelude_alone() -> None:
    size, asked = 5 * SEGMENT_SIZE, []
    raw = body_of(size)

    def pread(offset: int, n: int) -> bytes:
        asked.append((offset, n))
        return raw[offset : offset + n]

    start = segment_start(2) + 100
    assert SegmentReader(STREAM, pread, size).read(start, 10) == plain_of(size)[start : start + 10]
    assert sorted(asked) == [(0, 40), (2 * SEGMENT_SIZE, SEGMENT_SIZE)]


def test_what_the_disk_raises_passes_through() -> None:
    def pread(offset: int, n: int) -> bytes:
        raise BlockingIOError

    with pytest.raises(BlockingIOError):
        SegmentReader(STREAM, pread, 10).read(0, 10)


def test_two_streams_of_one_key_share_no_salt() -> None:
    one, two = (b"".join(SegmentWriter(STREAM).finish()) for _ in range(2))
    assert one[1:33] != two[1:33]


def test_nothing_is_written_after_the_last_segment() -> None:
    writer = SegmentWriter(STREAM)
    writer.finish()
    with pytest.raises(ValueError, match="finished"):
        writer.write(b"more")
    with pytest.raises(ValueError, match="finished"):
        writer.finish()


@pytest.mark.parametrize("part", [2, 3, 70_000])
def test_each_part_has_a_key_of_its_own(part: int) -> None:
    writer = SegmentWriter(part_stream(UPLOAD_KEY, part, FILE_ID))
    raw = b"".join(writer.write(b"part") + writer.finish())
    assert skf1.open_body(skf1.part_key(UPLOAD_KEY, part), FILE_ID, raw) == b"part"
    other = part_stream(UPLOAD_KEY, part + 1, FILE_ID)
    with pytest.raises(Corrupt):
        SegmentReader(other, lambda offset, n: raw[offset : offset + n], 4).read(0, 4)


def test_part_one_is_the_body_and_has_no_key_of_the_upload() -> None:
    with pytest.raises(ValueError, match="part 1"):
        part_stream(UPLOAD_KEY, 1, FILE_ID)


@pytest.mark.parametrize("size", SIZES)
def test_a_whole_part_is_salvaged_whole(size: int) -> None:
    raw = body_of(size)
    assert salvage(STREAM, lambda o, n: raw[o : o + n], len(raw)) == (size, True)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_torn_part_gives_back_its_full_segments(data: st.DataObject) -> None:
    size = segment_start(3) + 1000
    kept = data.draw(
        st.one_of(
            st.integers(0, body_size(size) - 1),
            st.sampled_from([n * SEGMENT_SIZE + d for n in (1, 2, 3) for d in (-1, 0, 1)]),
        )
    )
    raw = body_of(size)[:kept] + bytes(data.draw(st.integers(0, 3)))
    found = salvage(STREAM, lambda o, n: raw[o : o + n], len(raw))
    assert found == (segment_start(kept // SEGMENT_SIZE), False)
    reader = reader_of(raw, found.plain_size, torn=True)
    assert reader.read(0, size) == plain_of(size)[: found.plain_size]


def test_a_torn_part_is_kept_up_to_its_first_bad_segment() -> None:
    size = segment_start(3) + 1000
    raw = bytearray(body_of(size))
    raw[SEGMENT_SIZE + 5] ^= 1
    found = salvage(STREAM, lambda o, n: bytes(raw[o : o + n]), len(raw))
    assert found == (segment_start(1), False)


def test_a_torn_part_is_not_read_as_a_whole_one() -> None:
    size = segment_start(2)
    raw = body_of(size + 1)[: 2 * SEGMENT_SIZE]
    with pytest.raises(Corrupt):
        reader_of(raw, size).read(0, size)


def test_memory_does_not_grow_with_the_size_of_a_file(tmp_path: Path) -> None:
    pieces, piece = 512, random.Random(3).randbytes(65_536)
    size = pieces * len(piece)
    tracemalloc.start()
    try:
        writer = SegmentWriter(STREAM)
        with (tmp_path / "body").open("wb") as file:
            for _ in range(pieces):
                file.writelines(writer.write(piece))
            file.writelines(writer.finish())
        with (tmp_path / "body").open("rb", buffering=0) as file:
            reader = SegmentReader(STREAM, lambda o, n: os.pread(file.fileno(), n, o), size)
            for start in range(0, size, len(piece)):
                assert reader.read(start, len(piece)) == piece
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * SEGMENT_SIZE
