"""Refusing: the reason goes into the record, the answer tells a stranger nothing.

Absent and forbidden look the same from outside, in time too: a forbidden request takes the steps of
an absent file
before it is answered.
"""

import asyncio
import contextlib
import logging
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
from skold.flood import Flood, record_counts
from skold.gate import Anonymous, Principal, Reject
from skold.limits import Excess

OUTSIDE_YEARS = "outside_years"
STRANGERS = "too many requests without a valid credential; wait a second"
log = logging.getLogger(__name__)


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
        now = time.time()
        self._notice(reject, address, now)
        admitted = self._flood.admit(reject.credential, address, now, reject.reason)
        known = Unauthenticated(reject.reason, reject.client, reject.credential, reject.claimed)
        excess = self._parts.limits.admit_stranger(address)
        if excess is None and admitted:
            return known
        return TooManyRequests(
            STRANGERS, excess.retry_after if excess else 1, known if admitted else None
        )

    def unread(self, error: Exception, slug: str, address: str) -> Exception:
        """The error for a request that was refused before its credential was looked at: itself, or
        TooManyRequests in a flood. Otherwise a stranger could fill the journal with requests that
        nobody can read.
        """
        verdict = self.unauthenticated(Reject(slug), address)
        if not isinstance(verdict, TooManyRequests):
            return error
        verdict.close = getattr(error, "close", False)
        return verdict

    def excessive(self, excess: Excess, principal: Principal, address: str) -> TooManyRequests:
        """The error for a request beyond its client's limit, or its address's."""
        self._parts.metrics.count_limited(principal.client, excess.reason)
        admitted = self._flood.admit(
            principal.credential, address, time.time(), excess.reason, valid=True
        )
        detail = f"too many requests; come back in {excess.retry_after} s"
        recorded_as = Unauthenticated(excess.reason) if admitted else None
        return TooManyRequests(detail, excess.retry_after, recorded_as)

    def _notice(self, reject: Reject, address: str, now: float) -> None:
        """Count the refusal, and raise the alarm when it makes a guesser known."""
        self._parts.metrics.count_refusal(reject.reason)
        for kind in self._parts.guessing.note(reject.reason, reject.credential, address, now):
            self._parts.metrics.count_guesser(kind)
            log.warning("guessing_noticed", extra={"by": kind, "credential": reject.credential})

    async def record(self, access: Access, error: Exception, slug: str) -> None:
        """Return once the refusal is on stable storage. Raises JournalUnavailable."""
        if isinstance(error, TooManyRequests):
            if error.recorded_as is None:
                return
            error = error.recorded_as
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
        counts = self._flood.take_counts(time.time() if now is None else now)
        record_counts(self._parts.journal, "data", counts)

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
