"""Compression that legacy applications use, undone piece by piece within a bound.

However small a compressed bomb is, no more than a few pieces of its plaintext exist at once, and
reading stops at `max_size`.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import zstandard

from migrator.legacy.description import Codec, Scope
from migrator.legacy.errors import TooLarge, Torn, TrailingData, Unreadable

PIECE = 1 << 20
"""The longest piece of plaintext that a decoder yields, in bytes."""

_LZMA_MEMORY = 256 << 20  # `xz -9` needs 65 MiB
# One block of zstd is at least 4 bytes and gives at most 128 KiB: a slice gives at most 16 MiB.
_ZSTD_SLICE = 512


class _Engine(Protocol):
    """One run of a decompressor. After `eof`, `unused_data` is what followed."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The plaintext of `data`, in pieces of at most PIECE."""
        ...


class Decoder:
    """One compressed stream. Raises Unreadable, Torn, TrailingData; TooLarge beyond `max_size`.

    Formats whose members may follow each other (gzip, bz2, lzma, zstd) may do so here too.
    """

    def __init__(self, codec: Codec, max_size: int) -> None:
        self._make = _ENGINES.get(codec)
        self._again = codec in _SEQUENCES
        self._engine = self._make() if self._make else None
        self._max_size = max_size
        self.began = False
        self.size = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plaintext that these stored bytes complete, in pieces of at most PIECE."""
        if not data:
            return
        self.began = True
        for piece in self._decoded(data) if self._engine else _cut(data):
            self.size += len(piece)
            if self.size > self._max_size:
                raise TooLarge(f"more than {self._max_size} bytes")
            yield piece

    def end(self) -> Iterator[bytes]:
        """To be taken when all was fed. Raises Torn when the stream has no end."""
        if self._engine and self.began and not self._engine.eof:
            raise Torn(f"the compressed data ends after {self.size} bytes of content")
        yield from ()

    def _decoded(self, data: bytes) -> Iterator[bytes]:
        while data:
            data = self._next_member(data)
            assert self._engine is not None
            try:
                yield from self._engine.pieces(data)
            except (zlib.error, OSError, ValueError, lzma.LZMAError, zstandard.ZstdError) as broken:
                raise Unreadable(str(broken)) from None
            data = self._engine.unused_data if self._engine.eof else b""
            if data and not self._again:
                raise TrailingData(f"{len(data)} bytes behind the end of the compressed data")

    def _next_member(self, data: bytes) -> bytes:
        assert self._engine is not None
        assert self._make is not None
        if self._engine.eof:
            if not self._again:
                raise TrailingData(f"{len(data)} bytes behind the end of the compressed data")
            if not any(data[:64]):
                raise TrailingData("zero bytes behind the end of the compressed data")
            self._engine = self._make()
        return data


class ChunksDecoder:
    """The plaintext of a file from its chunks, whatever the scope of the compression."""

    def __init__(self, codec: Codec, scope: Scope, max_size: int) -> None:
        self._codec = codec
        self._each = scope == "chunk" and codec != "none"
        self._max_size = max_size
        self._decoder = Decoder(codec, max_size)
        self._full = self._hollow = 0

    @property
    def size(self) -> int:
        """Bytes of plaintext so far."""
        return self._decoder.size

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Stored bytes of the current chunk, whole or in part."""
        return self._decoder.feed(data)

    def end_chunk(self) -> Iterator[bytes]:
        """The current chunk was fed to its end. Raises Torn."""
        if not self._each:
            return
        if self._decoder.began:
            self._full += 1
        else:
            self._hollow += 1
        yield from self._decoder.end()
        size = self._decoder.size
        self._decoder = Decoder(self._codec, self._max_size)
        self._decoder.size = size

    def end(self) -> Iterator[bytes]:
        """All chunks were fed. Raises Torn."""
        if self._full and self._hollow:
            raise Torn("a chunk holds no bytes")
        return self._decoder.end()


def decoder_of(codec: Codec, max_size: int) -> Decoder:
    """A decoder for one compressed stream of at most `max_size` bytes of plaintext."""
    return Decoder(codec, max_size)


class _Zlib:
    def __init__(self, window: int) -> None:
        self._engine = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data

    def pieces(self, data: bytes) -> Iterator[bytes]:
        engine = self._engine
        while True:
            piece = engine.decompress(data, PIECE)
            if piece:
                yield piece
            data = engine.unconsumed_tail
            # A full piece may leave more in the window even when no input is left.
            if engine.eof or (not data and len(piece) < PIECE):
                return


class _Library:
    """bz2 and lzma, whose decompressors keep input themselves."""

    def __init__(self, engine: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._engine = engine

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data

    def pieces(self, data: bytes) -> Iterator[bytes]:
        engine = self._engine
        while True:
            piece = engine.decompress(data, PIECE)
            if piece:
                yield piece
            data = b""
            if engine.eof or engine.needs_input:
                return


class _Zstd:
    def __init__(self) -> None:
        self._engine = zstandard.ZstdDecompressor().decompressobj()
        self._behind = b""

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._behind

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_SLICE):
            yield from _cut(self._engine.decompress(data[start : start + _ZSTD_SLICE]))
            if self._engine.eof:
                self._behind = self._engine.unused_data + data[start + _ZSTD_SLICE :]
                return


_ENGINES: dict[str, Callable[[], _Engine]] = {
    "zlib": lambda: _Zlib(zlib.MAX_WBITS),
    "gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    "deflate": lambda: _Zlib(-zlib.MAX_WBITS),
    "bz2": lambda: _Library(bz2.BZ2Decompressor()),
    "lzma": lambda: _Library(lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)),
    "zstd": _Zstd,
}
_SEQUENCES = frozenset(("gzip", "bz2", "lzma", "zstd"))


def _cut(data: bytes) -> Iterator[bytes]:
    if len(data) <= PIECE:
        if data:
            yield data
        return
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]
