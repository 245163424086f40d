"""GET and HEAD of a file: find the version, judge the conditions, record, decrypt, send.

Every byte is authenticated on this read, and none leaves before `req` is durable. What lies in the
page cache is read
on the event loop; whatever would wait for the disk goes to a thread.
"""

from collections.abc import AsyncIterator
from functools import partial

from contentserver.delivery.access import Access
from contentserver.delivery.errors import RangeUnsatisfiable
from contentserver.delivery.modes import Modes
from contentserver.delivery.parts import Parts
from contentserver.delivery.presenting import NOT_SHARED, last_modified, presentation
from contentserver.delivery.responses import Headers, send_stream, send_whole
from contentserver.delivery.rules import Rules
from contentserver.delivery.which import LATEST, Which, which_version
from contentserver.protocol.conditionals import Outcome, evaluate
from contentserver.protocol.digests import format_sha256
from contentserver.protocol.media_types import DEFAULT_MEDIA_TYPE
from contentserver.protocol.ranges import Range, Unsatisfiable, select_range
from contentserver.store.errors import Deleted, PreconditionFailed, StoreError
from contentserver.store.fileops import WouldBlock
from contentserver.store.stored_file import StoredFile

WHOLE = 1 << 20  # bytes; up to here an answer is decrypted and sent in one piece
SOON = 1 << 17  # bytes that the disk fetches of a cold file while the record becomes durable


class Reader:
    """Handlers of /v1/content for reading."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._descriptions = Descriptions()
        self._modes = Modes(parts, self.open, self.send)

    async def get(self, access: Access) -> None:
        """Answer 200, 206, 304, or raise what the table of problems turns into 404, 410, 412, 416,
        503.
        """
        request = access.request
        # The query of a legacy address belongs to its pattern.
        which = which_version(request.query) if request.query and not access.route else LATEST
        assert access.collection is not None
        rules = self._parts.rules.of(access.collection)
        if rules.sources and await self._modes.answer(access, which, rules):
            return
        await self.send(access, await self.open(access, which), which, rules)

    async def open(self, access: Access, which: Which) -> StoredFile:
        """The stored file, its address and version noted for the record. Raises NotStored, Deleted,
        Erased, …
        """
        store, collection, key = self._parts.store, access.collection, access.key
        assert collection is not None
        assert key is not None
        find = partial(
            store.open_latest,
            collection,
            key,
            as_of=which.as_of,
            version=which.version,
            years=access.years,
        )
        try:
            try:
                stored = find(cached_only=True)
            except WouldBlock:
                soon = 0 if access.request.method == "HEAD" else SOON
                stored = await self._parts.reading(partial(find, read_ahead=soon))
        except StoreError as error:
            access.address = store.address(collection, key).hex()
            if isinstance(error, Deleted):
                access.version = str(error.version)
            raise
        access.address = stored.header.address.hex()
        access.found(stored.version)
        return stored

    async def send(self, access: Access, stored: StoredFile, which: Which, rules: Rules) -> None:
        """Answer with an open version, and close it. Raises as `get`."""
        try:
            await self._send(access, stored, which, rules)
        finally:
            stored.close()

    async def _send(self, access: Access, stored: StoredFile, which: Which, rules: Rules) -> None:
        request = access.request
        headers, etag, modified = self._descriptions.of(stored, access, which, rules)
        answer = evaluate(request.method, request.headers, etag, modified)
        if answer is Outcome.PRECONDITION_FAILED:
            raise PreconditionFailed(stored.version)
        if answer is Outcome.NOT_MODIFIED:
            access.begin()
            await access.durable()
            await send_whole(access, 304, headers[:_LASTING])
            return
        span = select_range(
            request.method, request.headers, stored.size, etag=etag, last_modified=modified,
            date_is_strong=which.version is not None,
        )  # fmt: skip
        if isinstance(span, Unsatisfiable):
            raise RangeUnsatisfiable(span.content_range)
        await self._send_span(access, stored, headers, span)

    async def _send_span(
        self, access: Access, stored: StoredFile, headers: Headers, span: Range | None
    ) -> None:
        start, length = (0, stored.size) if span is None else (span.start, span.length)
        status = 200 if span is None else 206
        if span is not None:
            headers.append((b"content-range", span.content_range.encode()))
        headers.append((b"content-length", b"%d" % length))
        access.begin()
        if access.request.method == "HEAD":
            await access.durable()
            await send_whole(access, status, headers)
        elif length <= WHOLE:
            # Read when the record is durable: the body then leaves from the processor's cache, and
            # a thousand requests that wait for the journal hold no thousand bodies.
            await access.durable()
            body = await self._read(stored, start, length)
            await send_whole(access, status, headers, body)
        else:
            await access.durable()
            chunks = self._chunks(stored, start, length)
            await send_stream(access, status, headers, chunks, self._parts.patience.idle)

    async def _read(self, stored: StoredFile, start: int, length: int) -> bytes:
        try:
            return stored.read(start, length, cached_only=True)
        except WouldBlock:
            return await self._parts.reading(stored.read, start, length)

    async def _chunks(self, stored: StoredFile, start: int, length: int) -> AsyncIterator[bytes]:
        for position, size in stored.chunks(start, length):
            yield await self._read(stored, position, size)


_LASTING = 6  # how many of the headers of `describe` a 304 carries too (RFC 9110 section 15.4.5)


class Descriptions:
    """Headers of the versions read last, made once: a version never changes, the rules rarely."""

    def __init__(self, limit: int = 16_384) -> None:
        self._limit = limit
        self._known: dict[tuple[bytes, bool, str | None], tuple[Rules, Headers, str, int]] = {}

    def of(
        self, stored: StoredFile, access: Access, which: Which, rules: Rules
    ) -> tuple[Headers, str, int]:
        """The headers that describe a version (a list of the caller's own), its entity tag, and its
        time in whole seconds.
        """
        exact = which.version is not None
        wanted = access.principal.disposition if access.principal else None
        place = (stored.header.file_id, exact, wanted)
        known = self._known.get(place)
        if known is None or known[0] is not rules:
            if len(self._known) >= self._limit:
                self._known.clear()
            known = self._known[place] = (rules, *describe(stored, rules, wanted, exact=exact))
        return known[1].copy(), known[2], known[3]


def describe(
    stored: StoredFile, rules: Rules, wanted: str | None, *, exact: bool
) -> tuple[Headers, str, int]:
    """As `Descriptions.of`. `wanted` is the disposition that a signed URL asks for."""
    metadata = stored.metadata
    modified = stored.modified_ns // 1_000_000_000
    media_type = metadata.media_type or DEFAULT_MEDIA_TYPE
    headers: Headers = [
        (b"etag", stored.etag.encode()),
        (b"x-version", str(stored.version).encode()),
        last_modified(modified),
        (b"cache-control", _cache_control(rules, exact=exact)),
        (b"repr-digest", format_sha256(stored.digest).encode()),
        (b"accept-ranges", b"bytes"),
        *presentation(media_type, metadata.filename, rules, wanted),
    ]
    if stored.header.imported:
        headers.append((b"x-imported", b"true"))
    return headers, stored.etag, modified


def _cache_control(rules: Rules, *, exact: bool) -> bytes:
    # Only an exact version may be kept, where the collection says so.
    if exact and rules.cache_control:
        return rules.cache_control.encode("latin-1")
    return NOT_SHARED
