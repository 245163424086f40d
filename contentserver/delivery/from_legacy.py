"""An answer with what the legacy database holds now: short files with everything a stored one has,
long ones as the stream that they come in.

Nothing leaves before `req` is durable, and a stream that fails in the middle breaks the connection
off: its end is never a clean one.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from contentserver.delivery.access import Access
from contentserver.delivery.errors import NotAsExpected, RangeUnsatisfiable
from contentserver.delivery.fallback import LegacyDamaged, LegacyFile
from contentserver.delivery.presenting import NOT_SHARED, last_modified, presentation
from contentserver.delivery.responses import Headers, send_stream, send_whole
from contentserver.delivery.rules import Rules
from contentserver.protocol.conditionals import Outcome, evaluate
from contentserver.protocol.digests import format_sha256
from contentserver.protocol.etags import make_etag
from contentserver.protocol.media_types import (
    DEFAULT_MEDIA_TYPE,
    BadMediaType,
    parse_media_type,
)
from contentserver.protocol.ranges import Range, Unsatisfiable, select_range

VERSION = "legacy"  # stands in entity tags where the version would
PIECE = 1 << 20  # bytes; up to here an answer is sent, or hashed, in one piece
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class State:
    """What legacy held when it was asked: size in bytes, digest of the plaintext; both None where
    it had no such record.
    """

    size: int | None
    sha256: bytes | None


ABSENT = State(None, None)


async def digest_of(file: LegacyFile) -> bytes | None:
    """SHA-256 of the content where it is at hand; computed if need be."""
    if file.sha256 is not None or not isinstance(file.content, bytes):
        return file.sha256
    return await sha256_of(file.content)


async def sha256_of(content: bytes) -> bytes:
    """Computed on a thread where it would hold others up."""
    if len(content) > PIECE:
        return await asyncio.to_thread(lambda: hashlib.sha256(content).digest())
    return hashlib.sha256(content).digest()


async def close(file: LegacyFile) -> None:
    """Let a stream go; twice is fine."""
    ending: Any = getattr(file.content, "aclose", None)
    if ending is not None:
        await ending()


def etag_of(sha256: bytes) -> str:
    """The strong entity tag of a file in legacy, quoted."""
    return make_etag(VERSION, sha256)


async def send_legacy(access: Access, file: LegacyFile, rules: Rules, idle: float) -> State | None:
    """Answer 200, 206, 304 or raise what becomes 412, 416, 503. What was sent, for a comparison;
    None where that is not known, as after HEAD of a stream. `idle` as of `send_stream`.
    """
    try:
        if isinstance(file.content, bytes):
            return await _send_content(access, file, file.content, rules, idle)
        return await _send_stream(access, file, file.content, rules, idle)
    finally:
        await close(file)


async def _send_content(
    access: Access, file: LegacyFile, content: bytes, rules: Rules, idle: float
) -> State:
    sha256 = await sha256_of(content)
    etag, modified = etag_of(sha256), _seconds(file)
    state = State(len(content), sha256)
    lasting: Headers = [
        (b"etag", etag.encode()),
        *_dated(modified),
        (b"cache-control", NOT_SHARED),
        (b"repr-digest", format_sha256(sha256).encode()),
        (b"accept-ranges", b"bytes"),
    ]
    if _is_unmodified(access, etag, modified):
        await _record(access)
        await send_whole(access, 304, lasting)
        return state
    span = select_range(
        access.request.method, access.request.headers, len(content), etag=etag,
        last_modified=modified,
    )  # fmt: skip
    if isinstance(span, Unsatisfiable):
        raise RangeUnsatisfiable(span.content_range)
    headers = [*lasting, *_shown(access, file, rules)]
    await _send_span(access, headers, content, span, idle)
    return state


async def _send_span(
    access: Access, headers: Headers, content: bytes, span: Range | None, idle: float
) -> None:
    status = 200 if span is None else 206
    if span is not None:
        headers.append((b"content-range", span.content_range.encode()))
        content = content[span.start : span.start + span.length]
    headers.append((b"content-length", b"%d" % len(content)))
    await _record(access)
    if len(content) <= PIECE or access.request.method == "HEAD":
        await send_whole(access, status, headers, content)
    else:
        await send_stream(access, status, headers, _pieces(content), idle)


async def _send_stream(
    access: Access, file: LegacyFile, content: AsyncIterator[bytes], rules: Rules, idle: float
) -> State | None:
    modified = _seconds(file)
    lasting = [
        *_dated(modified), (b"cache-control", NOT_SHARED), (b"accept-ranges", b"none"),
    ]  # fmt: skip
    if _is_unmodified(access, None, modified):
        await _record(access)
        await send_whole(access, 304, lasting)
        return None
    headers: Headers = [*lasting, *_shown(access, file, rules)]
    if file.size is not None:
        headers.append((b"content-length", b"%d" % file.size))
    if access.request.method == "HEAD":
        await _record(access)
        await send_whole(access, 200, headers)
        return None
    # Before anything is promised: a file that cannot be read at all is 503, not a broken answer.
    first = await anext(content, b"")
    await _record(access)
    counted = _Counted(file.size)
    await send_stream(access, 200, headers, counted.all_of(first, content), idle)
    return State(counted.size, counted.sha256.digest())


class _Counted:
    """What passes by on its way out, checked against the size that was announced."""

    def __init__(self, announced: int | None) -> None:
        self.size = 0
        self.sha256 = hashlib.sha256()
        self._announced = announced

    async def all_of(self, first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Raises LegacyDamaged instead of an end at another size."""
        if first:
            yield self._count(first)
        async for piece in rest:
            yield self._count(piece)
        if self._announced not in {None, self.size}:
            raise LegacyDamaged(f"{self._announced} bytes were announced, {self.size} came")

    def _count(self, piece: bytes) -> bytes:
        self.size += len(piece)
        self.sha256.update(piece)
        return piece


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


async def _record(access: Access) -> None:
    access.begin()
    await access.durable()
    access.outcome = "from_legacy"


def _is_unmodified(access: Access, etag: str | None, modified: int | None) -> bool:
    """Judge the conditions: whether the answer is 304. Raises NotAsExpected."""
    answer = evaluate(access.request.method, access.request.headers, etag, modified)
    if answer is Outcome.PRECONDITION_FAILED:
        raise NotAsExpected("the condition does not hold for the file as it is now")
    return answer is Outcome.NOT_MODIFIED


def _shown(access: Access, file: LegacyFile, rules: Rules) -> Headers:
    wanted = access.principal.disposition if access.principal else None
    try:
        media_type = parse_media_type(file.media_type)
    except BadMediaType:
        media_type = DEFAULT_MEDIA_TYPE  # nobody checked what an old application wrote there
    return presentation(media_type, file.filename, rules, wanted)


def _seconds(file: LegacyFile) -> int | None:
    return None if file.modified_ns is None else file.modified_ns // _NANOSECONDS


def _dated(modified: int | None) -> Headers:
    return [] if modified is None or modified < 0 else [last_modified(modified)]
