"""What was compressed comes back whole, and nothing else comes out as if it were whole."""

import bz2
import gzip
import lzma
import os
import tracemalloc
import zlib
from typing import get_args

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from migrator.legacy.codecs import PIECE, ChunksDecoder, Decoder, decoder_of
from migrator.legacy.description import Codec, Scope
from migrator.legacy.encoding import encode, recut
from migrator.legacy.errors import LegacyError, TooLarge, Torn, TrailingData, Unreadable

CODECS: tuple[Codec, ...] = get_args(Codec)
COMPRESSED = [codec for codec in CODECS if codec != "none"]
FRAMED = [codec for codec in COMPRESSED if codec not in {"zlib", "deflate"}]


def compressed(codec: Codec, data: bytes) -> bytes:
    return b"".join(encode(codec, "stream", [data], 1 << 40))


def plain(decoder: Decoder, *pieces: bytes) -> bytes:
    found = [piece for stored in pieces for piece in decoder.feed(stored)]
    return b"".join([*found, *decoder.end()])


@given(
    st.sampled_from(CODECS),
    st.sampled_from(get_args(Scope)),
    st.lists(st.binary(max_size=300), max_size=6),
    st.integers(1, 200),
    st.integers(1, 50),
)
def test_what_was_encoded_comes_back(
    codec: Codec, scope: Scope, data: list[bytes], chunk_size: int, cut: int
) -> None:
    decoder = ChunksDecoder(codec, scope, 10_000)
    found = []
    for chunk in encode(codec, scope, data, chunk_size):
        for start in range(0, len(chunk), cut):
            found += decoder.feed(chunk[start : start + cut])
        found += decoder.end_chunk()
    found += decoder.end()
    assert b"".join(found) == b"".join(data)


@pytest.mark.parametrize("codec", COMPRESSED)
@given(data=st.binary(min_size=1, max_size=200), lost=st.integers(1, 1000))
def test_no_cut_stream_comes_out_whole(codec: Codec, data: bytes, lost: int) -> None:
    stored = compressed(codec, data)
    cut = stored[: max(1, len(stored) - 1 - lost % (len(stored) - 1))]
    with pytest.raises((Torn, Unreadable)):
        plain(decoder_of(codec, 1000), cut)


@pytest.mark.parametrize("codec", COMPRESSED)
def test_what_follows_the_end_is_refused(codec: Codec) -> None:
    stored = compressed(codec, b"abc")
    for more in (b"x", b"\0", b"\0" * 1000):
        for pieces in ((stored + more,), (stored, more)):
            with pytest.raises((TrailingData, Unreadable, Torn)):
                plain(decoder_of(codec, 1000), *pieces)


@pytest.mark.parametrize("codec", FRAMED)
def test_members_may_follow_each_other_where_the_format_says_so(codec: Codec) -> None:
    stored = compressed(codec, b"abc") + compressed(codec, b"def")
    assert plain(decoder_of(codec, 6), stored) == b"abcdef"
    assert (
        plain(decoder_of(codec, 6), *(stored[n : n + 1] for n in range(len(stored)))) == b"abcdef"
    )


@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_bomb_is_refused_before_it_fills_memory(codec: Codec) -> None:
    stored = compressed(codec, bytes(48 << 20))
    decoder, sizes = decoder_of(codec, 40 << 20), []
    tracemalloc.start()
    with pytest.raises(TooLarge):
        sizes.extend(len(piece) for piece in decoder.feed(stored))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert max(sizes, default=0) <= PIECE
    assert peak < 24 << 20


@pytest.mark.parametrize("codec", CODECS)
def test_the_limit_counts_exactly(codec: Codec) -> None:
    data = os.urandom(PIECE + 3)
    stored = compressed(codec, data)
    assert plain(decoder_of(codec, len(data)), stored) == data
    with pytest.raises(TooLarge):
        plain(decoder_of(codec, len(data) - 1), stored)


@pytest.mark.parametrize(
    ("codec", "stored"),
    [
        ("zlib", zlib.compress(b"abc", 9)),
        ("gzip", gzip.compress(b"abc")),
        ("deflate", zlib.compress(b"abc")[2:-4]),
        ("bz2", bz2.compress(b"abc")),
        ("lzma", lzma.compress(b"abc")),
        ("lzma", lzma.compress(b"abc", lzma.FORMAT_ALONE)),
        ("zstd", zstandard.ZstdCompressor().compress(b"abc")),
    ],
    # gzip writes the time: named by their bytes, the cases would differ from process to process.
    ids=["zlib", "gzip", "deflate", "bz2", "lzma", "lzma-alone", "zstd"],
)
def test_it_reads_what_other_programs_write(codec: Codec, stored: bytes) -> None:
    assert plain(decoder_of(codec, 3), stored) == b"abc"


@pytest.mark.parametrize("codec", COMPRESSED)
@given(st.binary(min_size=1, max_size=100))
def test_noise_is_never_content(codec: Codec, noise: bytes) -> None:
    try:
        found = plain(decoder_of(codec, 1000), noise)
    except LegacyError:
        return
    # What decodes by chance is a whole stream: it ends where the noise ends.
    with pytest.raises(LegacyError):
        plain(decoder_of(codec, 1000), noise[:-1])
    assert len(found) <= 1000


@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_chunk_without_bytes_is_torn(codec: Codec) -> None:
    decoder = ChunksDecoder(codec, "chunk", 1000)
    found = [*decoder.feed(compressed(codec, b"abc")), *decoder.end_chunk()]
    found += decoder.end_chunk()
    with pytest.raises(Torn):
        list(decoder.end())


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 30))
def test_pieces_are_cut_anew(pieces: list[bytes], size: int) -> None:
    found = list(recut(pieces, size))
    assert b"".join(found) == b"".join(pieces)
    assert all(len(piece) == size for piece in found[:-1])
    assert found
    assert len(found[-1]) <= size
