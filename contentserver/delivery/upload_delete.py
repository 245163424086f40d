"""DELETE of an upload (tus termination). A version that it has become stays."""

import contextlib

from contentserver.delivery.access import Access
from contentserver.delivery.parts import Parts
from contentserver.delivery.responses import send_whole
from contentserver.delivery.upload_door import Door
from contentserver.delivery.upload_holding import Holding
from contentserver.delivery.upload_request import check_tus
from contentserver.store.errors import Erased
from contentserver.store.results import Receipt
from contentserver.store.upload import Upload


class Terminator:
    """Handler of DELETE."""

    def __init__(self, parts: Parts, door: Door, holding: Holding) -> None:
        self._parts = parts
        self._door = door
        self._holding = holding

    async def delete(self, access: Access) -> None:
        """Answer 204; from then on the upload is unknown."""
        check_tus(access.request)
        entered = await self._door.enter(access)
        async with self._holding.hold(entered.id) as upload:
            access.begin()
            await access.durable()
            receipt = await self._parts.writing(remove, upload)
        if receipt is not None:
            access.version = str(receipt.version)
        await send_whole(access, 204, [])


def remove(upload: Upload) -> Receipt | None:
    """Remove an upload. A commit of it that broke off after its link is finished first, or its
    version would be in no outbox; that one's receipt is returned.
    """
    receipt = None
    with contextlib.suppress(Erased):  # placed and fed by then, but nobody may be told of it
        receipt = upload.resume() if upload.receipt is None else None
    upload.delete()
    return receipt
