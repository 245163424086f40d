"""OPTIONS of /v1/uploads: what of tus is offered. It needs no credential and names nothing."""

from contentserver.delivery.parts import Parts
from contentserver.delivery.request import Request
from contentserver.protocol import tus
from contentserver.protocol.tus_checksum import ALGORITHMS
from contentserver.store.segments import SIZE_LIMIT

OFFERED = [
    (b"tus-resumable", tus.VERSION.encode()),
    (b"tus-version", tus.VERSION.encode()),
    (b"tus-extension", ",".join(tus.EXTENSIONS).encode()),
    (b"tus-checksum-algorithm", ",".join(ALGORITHMS).encode()),
    (b"tus-max-size", b"%d" % SIZE_LIMIT),
    (b"x-content-type-options", b"nosniff"),
]


class Offer:
    """Handler of OPTIONS, for tus clients and for browsers that ask before they send."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def options(self, request: Request) -> None:
        """Answer 204."""
        headers = [*OFFERED, *self._parts.cors.preflight(request.pairs)]
        await request.send({"type": "http.response.start", "status": 204, "headers": headers})
        await request.send({"type": "http.response.body", "body": b""})
