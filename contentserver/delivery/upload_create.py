"""POST /v1/uploads: a new upload, and its first bytes where the request brings them along."""

from functools import partial

from contentserver.delivery.access import Access
from contentserver.delivery.cors import Headers
from contentserver.delivery.errors import BodyTooLarge, RequestError
from contentserver.delivery.modes import refuse_write
from contentserver.delivery.parts import Parts
from contentserver.delivery.responses import send_whole
from contentserver.delivery.upload_append import Appender, check_size, check_type, read_checksums
from contentserver.delivery.upload_commit import Finisher
from contentserver.delivery.upload_declared import Declared, read_creation, read_metadata
from contentserver.delivery.upload_door import erased
from contentserver.delivery.upload_holding import Holding
from contentserver.delivery.upload_request import (
    PATH,
    check_tus,
    expires_header,
    offset_header,
    version_headers,
)
from contentserver.protocol.tus_checksum import Checksum
from contentserver.store.errors import ChecksumMismatch, DigestMismatch, Erased, Refused, TooLarge
from contentserver.store.metadata import Metadata
from contentserver.store.results import Receipt
from contentserver.store.upload import Upload
from skold.years import Years

USELESS = (RequestError, ChecksumMismatch, DigestMismatch, Refused, TooLarge)
"""Why an upload is removed again: its client will never learn of it."""


class Creator:
    """Handler of POST."""

    def __init__(
        self, parts: Parts, holding: Holding, appender: Appender, finisher: Finisher
    ) -> None:
        self._parts = parts
        self._holding = holding
        self._appender = appender
        self._finisher = finisher

    async def create(self, access: Access) -> None:
        """Answer 201 with Location once the upload, and what came with the request, is durable."""
        check_tus(access.request)
        declared = read_creation(access)
        years = self._decide(access, declared)
        rules = self._parts.rules.of(declared.collection)
        refuse_write(access, rules)
        metadata = read_metadata(access, declared, rules)
        checksums = self._read_body(access, declared, rules.max_size)
        access.address = self._parts.store.address(declared.collection, declared.key).hex()
        access.filename = metadata.filename
        upload = await self._create(access, declared, metadata)
        async with self._holding.closing(upload):
            access.upload = upload.id
            access.begin()
            receipt = await self._fill(access, upload, checksums, years)
            offset = upload.offset if receipt is None else receipt.size
        await access.durable()
        await send_whole(access, 201, self._headers(upload, offset, receipt))

    def _decide(self, access: Access, declared: Declared) -> Years | None:
        """Judge staging, and committing where the last byte is to commit. Raises Forbidden,
        OutsideYears.
        """
        access.collection, access.key = declared.collection, declared.key
        for action in ("stage", "commit") if declared.commit_auto else ("stage",):
            access.action = action
            self._parts.decide(access, year_follows=True)
            years = access.years
            if years is not None:
                access.close_decision(self._parts.store.year_now())
        return years

    def _read_body(
        self, access: Access, declared: Declared, max_size: int | None
    ) -> list[Checksum]:
        """What the headers say of the first bytes. Raises WrongMediaType, BodyTooLarge, TooLarge,
        BadDigest.
        """
        if declared.length is not None:
            check_size(declared.length, max_size)
        size = access.request.content_length
        if size != 0:
            check_type(access)
        if size and declared.length is not None and size > declared.length:
            raise BodyTooLarge(f"the upload was announced with {declared.length} bytes", close=True)
        return read_checksums(access)

    async def _create(self, access: Access, declared: Declared, metadata: Metadata) -> Upload:
        create = partial(
            self._parts.store.create_upload,
            actor=access.actor,
            metadata=metadata,
            length=declared.length,
            commit_auto=declared.commit_auto,
            client_metadata=declared.field,
        )
        try:
            return await self._parts.writing(create)
        except Erased:
            raise erased() from None

    async def _fill(
        self, access: Access, upload: Upload, checksums: list[Checksum], years: Years | None
    ) -> Receipt | None:
        """Take the body in, and commit where that was all of it. An upload of which its client will
        never learn is removed.
        """
        try:
            if access.request.content_length != 0 or checksums:
                await self._appender.take(access, self._appender.taking(access, upload, checksums))
            return await self._finisher.finish_auto(access, upload, years, 201)
        except USELESS:
            await self._parts.writing(upload.delete)
            raise

    def _headers(self, upload: Upload, offset: int, receipt: Receipt | None) -> Headers:
        location = f"{self._parts.public_url}{PATH.decode()}/{upload.id}".encode()
        headers = [
            (b"location", location),
            offset_header(offset),
            expires_header(upload.expires_at_ns),
            (b"content-length", b"0"),
        ]
        return headers + (version_headers(receipt) if receipt is not None else [])
