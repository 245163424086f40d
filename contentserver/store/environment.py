"""What every part of the store works with; it all comes in through the store's constructor."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from contentserver.store.address import address_of
from contentserver.store.checking import Check
from contentserver.store.erasure import ErasureKeys
from contentserver.store.errors import KeyMissing
from contentserver.store.header import NO_ERASURE
from contentserver.store.keyset import Keyset
from contentserver.store.layout import Layout
from contentserver.store.metadata import Metadata
from contentserver.store.roots import Roots


@dataclass(frozen=True, slots=True)
class Environment:
    """`clock`: ns since the epoch, UTC. `time_zone`: the institution's. `upload_expiry`: s.

    `check`: what an upload that recovery commits must pass.
    """

    roots: Roots
    layout: Callable[[], Layout]
    keyset: Keyset
    erasure: ErasureKeys
    clock: Callable[[], int]
    time_zone: tzinfo
    upload_expiry: int
    check: Check | None = None

    def year_now(self) -> int:
        """The clock's year in the institution's time zone."""
        return datetime.fromtimestamp(self.clock() / 1e9, self.time_zone).year

    def minute_now(self) -> str:
        """The UTC minute, as the outbox names it: 20250131T1200."""
        return datetime.fromtimestamp(self.clock() / 1e9, UTC).strftime("%Y%m%dT%H%M")

    def address(self, metadata: Metadata) -> bytes:
        """The address of the file that these metadata belong to."""
        return address_of(self.keyset.naming, metadata.collection, metadata.key)

    def erasure_id(self, metadata: Metadata) -> bytes:
        """The id of the erasure key the file depends on; zero if it has no data subject."""
        if metadata.data_subject is None:
            return NO_ERASURE
        return self.erasure.id_for(metadata.collection, metadata.data_subject)

    def obtain_erasure_id(self, metadata: Metadata) -> bytes:
        """As `erasure_id`; the subject's key is on stable storage when this returns.

        Raises Erased, Corrupt, NoSpace, OSError.
        """
        erasure_id = self.erasure_id(metadata)
        if erasure_id != NO_ERASURE:
            self.erasure.obtain(erasure_id)
        return erasure_id

    def refuse_erased(self, metadata: Metadata) -> None:
        """Raise Erased if the data subject was erased; a subject without a key yet was not."""
        erasure_id = self.erasure_id(metadata)
        if erasure_id != NO_ERASURE:
            with suppress(KeyMissing):
                self.erasure.get(erasure_id)
