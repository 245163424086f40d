"""PUT of a file: both stages of an upload in one request, streamed, encrypted as it arrives.

`req` is durable before the store is asked to link anything; 201 leaves after the store has said
that the version is
durable. A small body is stored by one visit to a thread; of a long one a piece is received while
the one before is
written, so that two pieces are all a PUT holds in memory.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from contentserver.delivery.access import Access
from contentserver.delivery.body import iter_body
from contentserver.delivery.declared import Declared, read_declared
from contentserver.delivery.errors import SubjectErased
from contentserver.delivery.modes import refuse_write
from contentserver.delivery.parts import Parts
from contentserver.delivery.responses import Headers, send_json
from contentserver.protocol.digests import format_sha256
from contentserver.store.errors import Erased
from contentserver.store.results import Receipt
from contentserver.store.upload import Upload
from skold.years import Years

PIECE = 1 << 20  # bytes


@dataclass(slots=True)
class Put:
    """One PUT on its way to the store; its methods block and run on a writers' thread."""

    parts: Parts
    actor: str
    declared: Declared
    years: Years | None

    def begin(self) -> Upload:
        return self.parts.store.create_upload(
            actor=self.actor,
            metadata=self.declared.metadata,
            length=self.declared.length,
            direct=True,
        )

    def finish(self, upload: Upload) -> Receipt:
        with upload:
            upload.end_part()
            return upload.commit(
                actor=self.actor,
                sha256=self.declared.sha256,
                if_match=self.declared.if_match,
                if_none_match=self.declared.if_none_match,
                if_unmodified_since=self.declared.if_unmodified_since,
                same_bytes_ok=True,
                years=self.years,
                check=self.parts.checks,
            )

    def whole(self, body: bytes) -> Receipt:
        upload = self.begin()
        try:
            upload.write(body)
        except BaseException:
            upload.close()
            raise
        return self.finish(upload)


class Writer:
    """Handler of /v1/content for writing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def put(self, access: Access) -> None:
        """Answer 201 with Location, or 200 when these bytes are the latest version already (a safe
        retry).
        """
        assert access.collection is not None
        assert access.key is not None
        rules = self._parts.rules.of(access.collection)
        refuse_write(access, rules)
        years = access.years
        if years is not None:
            access.close_decision(self._parts.store.year_now())
        declared = read_declared(access, rules)
        access.address = self._parts.store.address(access.collection, access.key).hex()
        access.filename = declared.metadata.filename
        access.begin()
        put = Put(self._parts, access.actor, declared, years)
        receipt = await self._receive(access, put, gather(access, self._parts, rules.max_size))
        status = 201 if receipt.created else 200
        await access.stored(status, str(receipt.version), receipt.size)
        headers = describe(access, receipt, self._parts.public_url)
        await send_json(access, status, headers, answer_of(access, receipt))

    async def _receive(self, access: Access, put: Put, pieces: AsyncIterator[bytes]) -> Receipt:
        """Whatever is raised on the way leaves nothing behind: a direct upload goes when it is
        closed.
        """
        first = await anext(pieces, b"")
        try:
            return await self._store(access, put, first, pieces)
        except Erased:
            raise SubjectErased(
                "the data subject was erased; nothing is stored about them"
            ) from None

    async def _store(
        self, access: Access, put: Put, first: bytes, pieces: AsyncIterator[bytes]
    ) -> Receipt:
        if len(first) < PIECE:
            await access.durable()
            return await self._parts.writing(put.whole, first)
        upload = await self._parts.writing(put.begin)
        try:
            await self._write_all(upload, first, pieces)
            await access.durable()
        except BaseException:
            await self._parts.writing(upload.close)
            raise
        return await self._parts.writing(put.finish, upload)

    async def _write_all(self, upload: Upload, piece: bytes, pieces: AsyncIterator[bytes]) -> None:
        while piece:
            writing = asyncio.ensure_future(self._parts.writing(upload.write, piece))
            try:
                piece = await anext(pieces, b"")
            finally:
                await writing


async def gather(access: Access, parts: Parts, limit: int | None) -> AsyncIterator[bytes]:
    """The body in pieces of PIECE bytes or a little more; only the last is shorter."""
    waiting: list[bytes] = []
    size = 0
    async for chunk in iter_body(access.request, parts.patience, limit):
        waiting.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def describe(access: Access, receipt: Receipt, public_url: str) -> Headers:
    """Where the version is, and what it is: headers of 200 and 201."""
    location = f"{public_url}{access.request.raw_path.decode('latin-1')}?version={receipt.version}"
    return [
        (b"location", location.encode("latin-1")),
        (b"etag", receipt.etag.encode()),
        (b"x-version", str(receipt.version).encode()),
        (b"repr-digest", format_sha256(receipt.sha256).encode()),
    ]


def answer_of(access: Access, receipt: Receipt) -> dict[str, str | int | None]:
    """The JSON of a stored version. `size` is in bytes, `sha256` of the plaintext in hex."""
    return {
        "collection": access.collection,
        "key": access.key,
        "version": str(receipt.version),
        "etag": receipt.etag,
        "size": receipt.size,
        "sha256": receipt.sha256.hex(),
    }
