"""PATCH of an upload: the bytes of one part, and with `commit=auto` the commit after the last.

What arrived before a line broke, or before a newer request took over, is kept and durable when this
request ends. A part with a checksum is kept whole or not at all: half of it cannot be compared.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from contentserver.delivery.access import Access
from contentserver.delivery.errors import BadRequest, BodyTooLarge, WrongMediaType
from contentserver.delivery.parts import Parts
from contentserver.delivery.responses import send_whole
from contentserver.delivery.upload_body import Budget
from contentserver.delivery.upload_commit import Finisher
from contentserver.delivery.upload_door import Door
from contentserver.delivery.upload_holding import Holding
from contentserver.delivery.upload_request import (
    check_tus,
    expires_header,
    offset_header,
    version_headers,
)
from contentserver.protocol import tus
from contentserver.protocol.tus_checksum import Checksum, Tally, parse_checksums
from contentserver.store.errors import ChecksumMismatch, TooLarge, WrongOffset
from contentserver.store.upload import Upload


@dataclass(frozen=True, slots=True)
class Part:
    """What the headers of a part say. `size` is in bytes, None for a chunked body; `length` that of
    the whole upload, where the part announces it.
    """

    offset: int
    size: int | None
    length: int | None
    checksums: list[Checksum]


def read_part(access: Access) -> Part:
    """Raises TusNotOffered, WrongMediaType, BadRequest, BadTus, BadDigest."""
    request, headers = access.request, access.request.headers
    check_tus(request)
    check_type(access)
    if "upload-offset" not in headers:
        raise BadRequest("send the header Upload-Offset")
    length = headers.get("upload-length")
    return Part(
        tus.parse_size("Upload-Offset", headers["upload-offset"]),
        request.content_length,
        None if length is None else tus.parse_size("Upload-Length", length),
        read_checksums(access),
    )


def check_type(access: Access) -> None:
    """ "All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the
    server SHOULD return a 415 Unsupported Media Type status": raises WrongMediaType.
    """
    if access.request.headers.get("content-type", "").strip().lower() != tus.OFFSET_TYPE:
        raise WrongMediaType(f"send the bytes with Content-Type: {tus.OFFSET_TYPE}")


def read_checksums(access: Access) -> list[Checksum]:
    """Raises BadDigest."""
    headers = access.request.headers
    return parse_checksums(headers.get("upload-checksum"), headers.get("content-digest"))


@dataclass(slots=True)
class Taking:
    """A part on its way into an upload; the methods run on a writers' thread."""

    upload: Upload
    tally: Tally
    max_size: int | None

    def begin(self, part: Part) -> None:
        """Raises WrongOffset, TooLarge, BadRequest, NoSpace; nothing of the body is taken yet."""
        if part.offset != self.upload.offset:
            raise WrongOffset(self.upload.offset)
        if part.length is not None:
            check_size(part.length, self.max_size)
            try:
                self.upload.set_length(part.length)
            except ValueError as error:
                raise BadRequest(f"Upload-Length: {error}") from None
        self.check_room(part.size or 0)

    def check_room(self, size: int) -> None:
        """Raise BodyTooLarge where that many bytes more are too many."""
        length = self.upload.length
        if length is not None and self.upload.offset + size > length:
            raise BodyTooLarge(f"the upload was announced with {length} bytes", close=True)
        if self.max_size is not None and self.upload.offset + size > self.max_size:
            raise BodyTooLarge(f"this collection takes at most {self.max_size} bytes", close=True)

    def write(self, piece: bytes) -> None:
        self.check_room(len(piece))
        self.tally.add(piece)
        self.upload.write(piece)

    def end(self) -> None:
        """Make the part durable. Raises ChecksumMismatch, and then the offset has not moved."""
        if not self.tally.is_right:
            raise ChecksumMismatch
        self.upload.end_part()


def check_size(length: int, max_size: int | None) -> None:
    """Raise TooLarge for an upload that the collection does not take."""
    if max_size is not None and length > max_size:
        raise TooLarge(f"the upload has {length} bytes; this collection takes at most {max_size}")


class Appender:
    """Takes bodies into uploads, and is the handler of PATCH."""

    def __init__(self, parts: Parts, door: Door, holding: Holding, finisher: Finisher) -> None:
        self._parts = parts
        self._door = door
        self._holding = holding
        self._finisher = finisher
        self._budget = Budget()

    async def patch(self, access: Access) -> None:
        """Answer 204 once every byte of the body is durable, and with `commit=auto` the file once
        the upload is complete.
        """
        part = read_part(access)
        entered = await self._door.enter(access)
        await self._door.refuse_erased(entered.state.metadata)
        self._door.refuse_write(access)
        async with self._holding.hold(entered.id) as upload:
            if may_complete(upload, part):
                entered = self._finisher.announce(access, entered)
            taking = self.taking(access, upload, part.checksums)
            await self._parts.writing(taking.begin, part)
            access.begin()
            await self.take(access, taking)
            receipt = await self._finisher.finish_auto(access, upload, entered.years)
            offset = upload.offset if receipt is None else receipt.size
        await access.durable()
        headers = [offset_header(offset), expires_header(entered.state.expires_at_ns)]
        await send_whole(access, 204, headers + (version_headers(receipt) if receipt else []))

    def taking(self, access: Access, upload: Upload, checksums: list[Checksum]) -> Taking:
        """A part of this upload, under the rules of its collection."""
        assert access.collection is not None
        max_size = self._parts.rules.of(access.collection).max_size
        return Taking(upload, Tally(checksums), max_size)

    async def take(self, access: Access, taking: Taking) -> None:
        """Take the body in, durably. Whatever breaks, what arrived stays in the upload unless it
        was declared with a checksum, or was too much.
        """
        request = access.request
        try:
            with self._holding.watch(taking.upload, request):
                await self._write_all(taking, self._budget.pieces(request, self._parts.patience))
            await self._parts.writing(taking.end)
        except BaseException as error:
            if taking.tally.is_declared or isinstance(error, BodyTooLarge):
                await self._parts.writing(taking.upload.abort_part)
            raise

    async def _write_all(self, taking: Taking, pieces: AsyncIterator[bytes]) -> None:
        """A piece is received while the one before is written."""
        piece = await anext(pieces, b"")
        while piece:
            writing = asyncio.ensure_future(self._parts.writing(taking.write, piece))
            piece = b""  # once written it is nobody's: hundreds of uploads may wait here
            try:
                piece = await anext(pieces, b"")
            finally:
                await writing


def may_complete(upload: Upload, part: Part) -> bool:
    """Whether this part may be the last one of an upload that is then committed."""
    length = upload.length if part.length is None else part.length
    if not upload.commit_auto or length is None:
        return False
    return part.size is None or part.offset + part.size >= length
