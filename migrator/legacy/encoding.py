"""Content in the form in which legacy keeps it, for write-backs."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import zstandard

from migrator.legacy.description import Codec, Scope


def encode(codec: Codec, scope: Scope, data: Iterable[bytes], chunk_size: int) -> Iterator[bytes]:
    """The chunks to store: plaintext cut at `chunk_size` and each piece compressed by itself (scope
    chunk), or compressed as a whole and then cut. An empty file is one chunk.
    """
    if scope == "chunk":
        for piece in recut(data, chunk_size):
            yield b"".join(_compressed(codec, (piece,)))
    else:
        yield from recut(_compressed(codec, data), chunk_size)


def recut(data: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of `size`, the last one shorter; one empty piece for no bytes."""
    kept = bytearray()
    some = False
    for piece in data:
        kept += piece
        while len(kept) > size:
            some = True
            yield bytes(kept[:size])
            del kept[:size]
    if kept or not some:
        yield bytes(kept)


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


_COMPRESSORS: dict[str, Callable[[], _Compressor]] = {
    "zlib": zlib.compressobj,
    "gzip": lambda: zlib.compressobj(wbits=zlib.MAX_WBITS | 16),
    "deflate": lambda: zlib.compressobj(wbits=-zlib.MAX_WBITS),
    "bz2": bz2.BZ2Compressor,
    "lzma": lzma.LZMACompressor,
    "zstd": lambda: zstandard.ZstdCompressor().compressobj(),
}


def _compressed(codec: Codec, data: Iterable[bytes]) -> Iterator[bytes]:
    if codec == "none":
        yield from data
        return
    compressor = _COMPRESSORS[codec]()
    for piece in data:
        yield compressor.compress(piece)
    yield compressor.flush()
