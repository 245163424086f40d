"""The body of a part in pieces: few uploads get long ones, many get short ones, so that all of them
together stay within one budget of memory.
"""

from collections.abc import AsyncIterator

from contentserver.delivery.body import Patience, iter_body
from contentserver.delivery.errors import (
    BodyCut,
    BodyStalled,
    Overloaded,
    RequestError,
    TakenOver,
)
from contentserver.delivery.request import Request

BUDGET = 64 << 20  # bytes, of one process
LEAST, MOST = 64 << 10, 1 << 20  # bytes of a piece
AT_ONCE = 2  # pieces: one is received while the one before is written


class Budget:
    """Shares BUDGET among the bodies that are under way."""

    def __init__(self, total: int = BUDGET) -> None:
        self._total = total
        self._bodies = 0

    @property
    def piece(self) -> int:
        """Bytes that a piece has now."""
        return max(LEAST, min(MOST, self._total // (AT_ONCE * max(1, self._bodies))))

    async def pieces(self, request: Request, patience: Patience) -> AsyncIterator[bytes]:
        """The body as it arrives, gathered; all that arrived is yielded, then the reason is raised
        why there is no more: BodyCut, BodyStalled, TakenOver, Overloaded.
        """
        self._bodies += 1
        waiting: list[bytes] = []
        size = 0
        broken: RequestError | None = None
        try:
            try:
                async for chunk in iter_body(request, patience, None):
                    waiting.append(chunk)
                    size += len(chunk)
                    del chunk  # hundreds of uploads may wait for their next one
                    if size >= self.piece:
                        yield _take(waiting)
                        size = 0
            except (BodyCut, BodyStalled, Overloaded, TakenOver) as error:
                broken = error
            if waiting:
                yield _take(waiting)
        finally:
            self._bodies -= 1
        if broken is not None:
            raise broken


def _take(waiting: list[bytes]) -> bytes:
    """All that waits, as one piece; the list keeps none of it."""
    piece = b"".join(waiting)
    waiting.clear()
    return piece
