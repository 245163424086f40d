"""HEAD of an upload: how far it is, after whoever sends to it has given way.

With `commit=auto` a complete upload is one that is committed: its whole length is never told as
its offset before. Whatever keeps the server from answering is 423 (`upload_request.soften`).
"""

from contentserver.delivery.access import Access
from contentserver.delivery.cors import Headers
from contentserver.delivery.parts import Parts
from contentserver.delivery.responses import send_whole
from contentserver.delivery.upload_commit import Finisher
from contentserver.delivery.upload_door import Door, Entered
from contentserver.delivery.upload_holding import Holding
from contentserver.delivery.upload_request import (
    check_tus,
    expires_header,
    offset_header,
    version_headers,
)
from contentserver.store.results import Receipt
from contentserver.store.upload import Upload


class Header:
    """Handler of HEAD."""

    def __init__(self, parts: Parts, door: Door, holding: Holding, finisher: Finisher) -> None:
        self._parts = parts
        self._door = door
        self._holding = holding
        self._finisher = finisher

    async def head(self, access: Access) -> None:
        """Answer 200; a committed upload from its receipt."""
        check_tus(access.request)
        entered = await self._door.enter(access)
        await self._door.refuse_erased(entered.state.metadata)
        if entered.state.receipt is not None:
            facts = facts_of(entered.state.receipt)
        else:
            async with self._holding.hold(entered.id) as upload:
                facts = await self._look(access, entered, upload)
        if not access.recorded:
            access.begin()
        await access.durable()
        kept = entered.state.client_metadata
        more = [(b"upload-metadata", kept.encode("latin-1"))] if kept else []
        expires = expires_header(entered.state.expires_at_ns)
        await send_whole(access, 200, [*facts, *more, expires, *ALWAYS])

    async def _look(self, access: Access, entered: Entered, upload: Upload) -> Headers:
        """Facts of an upload that is held; one that is complete is committed where nothing else is
        to come.
        """
        receipt = upload.receipt
        if receipt is None and upload.commit_auto and upload.is_complete:
            self._door.refuse_write(access)
            entered = self._finisher.announce(access, entered)
            access.begin()
            receipt = await self._finisher.finish_auto(access, upload, entered.years, 200)
        if receipt is not None:
            return facts_of(receipt)
        if upload.length is None:
            return [offset_header(upload.offset), (b"upload-defer-length", b"1")]
        return [offset_header(upload.offset), length_header(upload.length)]


ALWAYS = [(b"cache-control", b"no-store"), (b"content-length", b"0")]


def facts_of(receipt: Receipt) -> Headers:
    """Of a committed upload, all of which arrived."""
    size = receipt.size
    return [offset_header(size), length_header(size), *version_headers(receipt)]


def length_header(length: int) -> tuple[bytes, bytes]:
    return b"upload-length", b"%d" % length
