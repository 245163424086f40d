"""The body of a stored file: Tink's streaming AEAD (AES256-GCM-HKDF, SHA-256), 128 KiB segments.

```
C = 131072
body[0] = 0x28   body[1:33] = salt, random   body[33:40] = nonce prefix, random
key      = HKDF-SHA256(ikm, salt, info = AD, 32)
segment 0      at body[40 : C],          plaintext <= C - 56
segment i > 0  at body[i*C : (i+1)*C],   plaintext <= C - 16
AES-256-GCM nonce = prefix ‖ BE32(i) ‖ (01 if last else 00), no AAD
```
A full last segment is legal; an empty file is one empty last segment. Nothing here holds more than
one segment and what it was handed; ciphertext reaches the reader through a callable.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contentserver.store.derive import TAG_SIZE, Random, expand, hkdf, part_key
from contentserver.store.errors import Corrupt

SEGMENT_SIZE = 131_072
PRELUDE_SIZE = 40
"""Length byte, salt and nonce prefix, before the first segment."""

SUITE = 1
SIZE_LIMIT = SEGMENT_SIZE * 2**32 - SEGMENT_SIZE
"""Plaintext bytes a body can hold for certain: the segment number has 32 bits."""

_FIRST = SEGMENT_SIZE - PRELUDE_SIZE - TAG_SIZE
_FULL = SEGMENT_SIZE - TAG_SIZE

Bytes = bytes | bytearray | memoryview
Pread = Callable[[int, int], Bytes]


def segment_count(plain_size: int) -> int:
    """How many segments a plaintext of this size takes; at least one."""
    return 1 if plain_size <= _FIRST else 1 - (_FIRST - plain_size) // _FULL


def body_size(plain_size: int) -> int:
    """Bytes of the body of a plaintext of this size."""
    return PRELUDE_SIZE + plain_size + TAG_SIZE * segment_count(plain_size)


def segment_of(offset: int) -> int:
    """The number of the segment that holds this plaintext offset."""
    return (offset + PRELUDE_SIZE) // _FULL


def segment_start(index: int) -> int:
    """The plaintext offset at which this segment begins."""
    return index * _FULL - PRELUDE_SIZE if index else 0


class StreamKey:
    """Key material and associated data of one stream. Every writer of it takes a fresh salt."""

    __slots__ = ("_associated_data", "_ikm", "_last")

    def __init__(self, ikm: bytes, associated_data: bytes) -> None:
        self._ikm = ikm
        self._associated_data = associated_data
        self._last: tuple[bytes, AESGCM] | None = None

    def cipher(self, salt: bytes) -> AESGCM:
        """The cipher of the stream that begins with this salt; the last one is remembered."""
        last = self._last
        if last is None or last[0] != salt:
            last = (salt, AESGCM(hkdf(self._ikm, salt, self._associated_data)))
            self._last = last
        return last[1]


def body_stream(dek: bytes, file_id: bytes) -> StreamKey:
    """The stream of a file's body, and of part 1 of the upload that becomes it."""
    return StreamKey(expand(dek, b"skold/tink-key/v1\0"), _associated_data(file_id))


def part_stream(upload_key: bytes, part: int, file_id: bytes) -> StreamKey:
    """The stream of part 2, 3, … of a staged upload; part 1 is `body_stream`'s."""
    if part < 2:
        raise ValueError("part 1 is written under the final body's key")
    return StreamKey(part_key(upload_key, part), _associated_data(file_id))


def _associated_data(file_id: bytes) -> bytes:
    return b"skold/body/v1\0" + bytes([SUITE]) + SEGMENT_SIZE.to_bytes(4, "big") + file_id


def _nonce(prefix: bytes, index: int, *, last: bool) -> bytes:
    return prefix + ((index << 8) | last).to_bytes(5, "big")


class SegmentWriter:
    """Encrypts one stream from pieces of any size.

    It holds back at most one segment of plaintext, in memory, because only the next byte tells
    whether a full segment is the last. Both digests are ready after `finish`.
    """

    def __init__(self, stream: StreamKey, *, random: Random = os.urandom) -> None:
        salt, self._prefix = random(32), random(7)
        self._cipher = stream.cipher(salt)
        self._prelude = bytes([PRELUDE_SIZE]) + salt + self._prefix
        self._held = bytearray(_FULL)
        self._fill = 0
        self._room = _FIRST
        self._index = 0
        self._finished = False
        self._plain_hash = hashlib.sha256()
        self._body_hash = hashlib.sha256()
        self.plain_size = 0
        """Plaintext bytes taken so far."""
        self.size = 0
        """Body bytes handed out so far."""

    @property
    def sealed_size(self) -> int:
        """Plaintext bytes that the ciphertext handed out so far can give back."""
        return self.plain_size - self._fill

    @property
    def plain_sha256(self) -> bytes:
        """SHA-256 of the plaintext taken so far."""
        return self._plain_hash.digest()

    @property
    def body_sha256(self) -> bytes:
        """SHA-256 of the body handed out so far."""
        return self._body_hash.digest()

    def write(self, data: Bytes) -> list[bytes]:
        """Take plaintext; return the ciphertext to append to the body, in order, often none."""
        if self._finished:
            raise ValueError("the stream is finished")
        view = memoryview(data).cast("B")
        self._plain_hash.update(view)
        self.plain_size += len(view)
        return list(self._encrypt(view))

    def finish(self) -> list[bytes]:
        """Encrypt the last segment; return the last ciphertext to append. May be called once."""
        if self._finished:
            raise ValueError("the stream is finished")
        self._finished = True
        pieces = self._seal(memoryview(self._held)[: self._fill], last=True)
        self._fill = 0
        return pieces

    def _encrypt(self, view: memoryview) -> Iterator[bytes]:
        while view:
            if (
                self._fill == 0 and len(view) > self._room
            ):  # a whole segment, and not the last: no copy
                segment, view = view[: self._room], view[self._room :]
                yield from self._seal(segment, last=False)
            elif self._fill == self._room:
                self._fill = 0
                yield from self._seal(memoryview(self._held)[: self._room], last=False)
            else:
                taken = min(len(view), self._room - self._fill)
                self._held[self._fill : self._fill + taken] = view[:taken]
                self._fill += taken
                view = view[taken:]

    def _seal(self, plain: memoryview, *, last: bool) -> list[bytes]:
        sealed = self._cipher.encrypt(_nonce(self._prefix, self._index, last=last), plain, None)
        pieces = [sealed] if self._index else [self._prelude, sealed]
        for piece in pieces:
            self._body_hash.update(piece)
            self.size += len(piece)
        self._index += 1
        self._room = _FULL
        return pieces


class SegmentReader:
    """Reads any range of one stream; every byte it returns was authenticated by this very read.

    `pread(offset, n)` returns up to n bytes of the body from `offset`, 0 being the body's first
    byte; what it raises passes through. `plain_size` comes from the authenticated header, or the
    staging info, and fixes which segment is the last. With `torn` it is what `salvage` returned,
    and no segment is the last.
    """

    def __init__(
        self, stream: StreamKey, pread: Pread, plain_size: int, *, torn: bool = False
    ) -> None:
        self._stream = stream
        self._pread = pread
        self._size = plain_size
        self._body_size = body_size(plain_size)
        self._last = -1 if torn else segment_count(plain_size) - 1
        self._opened: tuple[AESGCM, bytes] | None = None

    def read(self, start: int, length: int) -> bytes:
        """The plaintext of [start, start + length), cut at the end of the file. Raises Corrupt."""
        pieces = self.pieces(start, length)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def pieces(self, start: int, length: int) -> list[bytes]:
        """As `read`, in pieces of at most one segment, not joined; takes them from one pread."""
        if start < 0 or length < 0:
            raise ValueError("a range has no negative side")
        end = min(start + length, self._size)
        if start >= end:
            if not self._size:
                self._verify_empty()
            return []
        first, last = segment_of(start), segment_of(end - 1)
        raw, base = self._fetch(first, last)
        return [self._piece(raw, base, index, start, end) for index in range(first, last + 1)]

    def _verify_empty(self) -> None:
        """Open the one segment of an empty file too: what does not authenticate is refused."""
        if self._last == 0:
            self._open(*self._fetch(0, 0), 0)

    def _fetch(self, first: int, last: int) -> tuple[memoryview, int]:
        """The ciphertext of segments first to last and the body offset at which it begins."""
        base = first * SEGMENT_SIZE
        end = min((last + 1) * SEGMENT_SIZE, self._body_size)
        raw = memoryview(self._pread(base, end - base)).cast("B")
        if len(raw) != end - base:
            raise Corrupt(f"the body ends within segments {first} to {last}")
        if self._opened is None:
            prelude = raw[:PRELUDE_SIZE] if base == 0 else self._pread(0, PRELUDE_SIZE)
            self._opened = _begin(self._stream, bytes(prelude))
        return raw, base

    def _piece(self, raw: memoryview, base: int, index: int, start: int, end: int) -> bytes:
        plain = self._open(raw, base, index)
        origin = segment_start(index)
        low, high = max(start - origin, 0), end - origin
        return plain if low == 0 and high >= len(plain) else plain[low:high]

    def _open(self, raw: memoryview, base: int, index: int) -> bytes:
        assert self._opened is not None
        cipher, prefix = self._opened
        begin = index * SEGMENT_SIZE - base + (0 if index else PRELUDE_SIZE)
        sealed = raw[begin : (index + 1) * SEGMENT_SIZE - base]
        try:
            return cipher.decrypt(_nonce(prefix, index, last=index == self._last), sealed, None)
        except InvalidTag:
            raise Corrupt(f"segment {index} of the body does not authenticate") from None


def _begin(stream: StreamKey, prelude: bytes) -> tuple[AESGCM, bytes]:
    """Cipher and nonce prefix of the stream that begins with these bytes."""
    if len(prelude) != PRELUDE_SIZE or prelude[0] != PRELUDE_SIZE:
        raise Corrupt("the body does not begin as a body")
    return stream.cipher(prelude[1:33]), prelude[33:]


class Salvaged(NamedTuple):
    """The first `plain_size` bytes of a torn part are there; `finished`: its last segment too."""

    plain_size: int
    finished: bool


def salvage(stream: StreamKey, pread: Pread, size: int) -> Salvaged:
    """Find how much of a torn part of `size` bytes on disk authenticates, reading it once.

    Segments count from the first without a gap. `SegmentReader(..., torn=not finished)` reads them.
    """
    try:
        cipher, prefix = _begin(stream, bytes(pread(0, PRELUDE_SIZE)))
    except Corrupt:
        return Salvaged(0, finished=False)
    kept = 0
    for index in range(-(-size // SEGMENT_SIZE)):
        begin = max(index * SEGMENT_SIZE, PRELUDE_SIZE)
        sealed = pread(begin, (index + 1) * SEGMENT_SIZE - begin)
        if _opens(cipher, _nonce(prefix, index, last=True), sealed):
            return Salvaged(kept + len(sealed) - TAG_SIZE, finished=True)
        whole = begin + len(sealed) == (index + 1) * SEGMENT_SIZE
        if not (whole and _opens(cipher, _nonce(prefix, index, last=False), sealed)):
            break
        kept = segment_start(index + 1)
    return Salvaged(kept, finished=False)


def _opens(cipher: AESGCM, nonce: bytes, sealed: Bytes) -> bool:
    try:
        cipher.decrypt(nonce, sealed, None)
    except InvalidTag:
        return False
    return True
