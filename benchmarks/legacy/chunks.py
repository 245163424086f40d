"""How the old system cuts a file: 50 KB pieces, each compressed by itself."""

import zlib
from collections.abc import Iterable, Iterator

CHUNK = 50 * 1024


def cut(body: bytes | memoryview) -> Iterator[bytes]:
    """The compressed chunks of a body, in order."""
    return (zlib.compress(body[at : at + CHUNK]) for at in range(0, len(body), CHUNK))


def join(chunks: Iterable[bytes]) -> bytes:
    """The body again."""
    return b"".join(zlib.decompress(chunk) for chunk in chunks)
