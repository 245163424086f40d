"""Refusing: the reason goes into the record, the answer tells a stranger nothing.

Absent and forbidden look the same from outside, in time too: a forbidden request takes the steps of
an absent file
before it is answered.
"""

import asyncio
import contextlib
import secrets
import time

from contentserver.delivery.access import Access
from contentserver.delivery.errors import (
    EndUserRefused,
    Forbidden,
    RequestError,
    TooManyRequests,
    Unauthenticated,
)
from contentserver.delivery.fallback import LegacyDamaged, LegacyUnavailable
from contentserver.delivery.from_legacy import close
from contentserver.delivery.parts import Parts
from contentserver.store.errors import OutsideYears, StoreError
from contentserver.store.fileops import WouldBlock
from skold.flood import Flood
from skold.gate import Anonymous, Reject
from skold.journal import JournalUnavailable, Scalar

OUTSIDE_YEARS = "outside_years"


class Refusals:
    """Makes the record of a refusal durable, or counts it where strangers come in a flood."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._flood = Flood()

    def unauthenticated(self, identity: Anonymous | Reject, address: str) -> RequestError:
        """The same error whatever is wrong with the credential: only the record is told what.

        TooManyRequests beyond the limit of one network and second: it is counted, and nobody waits
        for a disk.
        """
        reject = identity if isinstance(identity, Reject) else Reject("no_credential")
        if not self._flood.admit(reject.credential, address, time.time()):
            return TooManyRequests("too many requests without a valid credential; wait a second")
        return Unauthenticated(reject.reason, reject.client, reject.credential, reject.claimed)

    async def record(self, access: Access, error: Exception, slug: str) -> None:
        """Return once the refusal is on stable storage. Raises JournalUnavailable."""
        if isinstance(error, TooManyRequests):
            return
        if isinstance(error, Unauthenticated):
            access.begin(error.reason, **error.named())
        elif isinstance(error, Forbidden):
            self._name_address(access)
            await self._look_in_vain(access)
            access.begin(error.reason)
        elif isinstance(error, OutsideYears):
            # The store has taken the steps of an absent file; a legacy database may be left to ask.
            await self._ask_legacy_in_vain(access)
            access.begin(OUTSIDE_YEARS)
        elif isinstance(error, EndUserRefused):
            self._name_address(access)
            access.begin(error.reason)
        elif access.decision is not None and access.decision.allowed:
            access.begin()  # the caller may; that there is no such file is the outcome
        else:
            access.begin(slug)
        await access.durable()

    def _name_address(self, access: Access) -> None:
        """So that the story of a file also tells who was refused; an absent one is named too."""
        if access.address is None and access.collection is not None and access.key is not None:
            address = self._parts.store.address(access.collection, access.key)
            access.address = address.hex()

    async def count_floods(self) -> None:
        """Run until cancelled: record, once its second is over, what was only counted."""
        try:
            while True:
                await asyncio.sleep(1)
                self._take_counts()
        finally:
            self._take_counts(time.time() + 1)

    def _take_counts(self, now: float | None = None) -> None:
        for flood in self._flood.take_counts(time.time() if now is None else now):
            body: dict[str, Scalar] = {
                "plane": "data",
                "count": flood.count,
                "second": flood.second,
            }
            if flood.credential is not None:
                body["credential"] = flood.credential
            with contextlib.suppress(JournalUnavailable):
                self._parts.journal.append("flood", body, {"network": flood.network})

    async def _look_in_vain(self, access: Access) -> None:
        """The steps of an absent file, with a key that nobody has."""
        collection = access.collection or "none"
        with contextlib.suppress(StoreError, WouldBlock):
            self._parts.store.open_latest(
                collection, secrets.token_hex(16), cached_only=True
            ).close()
        await self._ask_legacy_in_vain(access)

    async def _ask_legacy_in_vain(self, access: Access) -> None:
        collection, key = access.collection or "none", access.key
        source = self._parts.rules.sources.find(collection, key) if key is not None else None
        if source is None or not source.asks_legacy:
            return
        with contextlib.suppress(LegacyUnavailable, LegacyDamaged):
            nobodys = source.nobodys_key()
            if source.mode == "hybrid":
                await self._parts.legacy.is_pending(source.name, nobodys)
            file = await self._parts.legacy.open(source.name, nobodys)
            if file is not None:
                await close(file)
