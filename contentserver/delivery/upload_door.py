"""Who may touch an upload: the client that created it, as far as its grants still reach.

Everybody else gets the answer that an unknown id gets; the record says what it was.
"""

from dataclasses import dataclass
from uuid import UUID

from contentserver.delivery.access import Access
from contentserver.delivery.errors import Forbidden, SubjectErased
from contentserver.delivery.modes import refuse_write
from contentserver.delivery.parts import Parts
from contentserver.store.errors import Erased, UploadExpired, UploadUnknown
from contentserver.store.metadata import Metadata
from contentserver.store.results import UploadState
from skold.years import Years


@dataclass(frozen=True, slots=True)
class Entered:
    """An upload that the access may touch, as it stood when it was looked at, and the years that
    the decision reaches (None for all).
    """

    id: UUID
    state: UploadState
    years: Years | None


class Door:
    """Lets accesses to uploads in."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def enter(self, access: Access) -> Entered:
        """Let the owner in, its action decided again. Raises Forbidden, UploadExpired,
        OutsideYears, EndUserRefused and what the store does. Nobody has been made to yield by then.
        """
        if access.upload is None:
            raise Forbidden("unknown_upload")
        try:
            state = await self._parts.reading(self._parts.store.describe_upload, access.upload)
        except UploadUnknown:
            raise Forbidden("unknown_upload") from None
        self._refuse_foreign(access, state)
        years = self.decide(access, state)
        if state.expires_at_ns <= self._parts.store.now_ns():
            raise UploadExpired
        return Entered(access.upload, state, years)

    def decide(self, access: Access, state: UploadState) -> Years | None:
        """Judge the access's action; the years that it may touch, None for all. Raises Forbidden,
        OutsideYears.
        """
        self._parts.decide(access, year_follows=True)
        years = access.years
        if state.receipt is not None:
            access.found(state.receipt.version)
        elif years is not None:
            access.close_decision(self._parts.store.year_now())
        return years

    def refuse_write(self, access: Access) -> None:
        """Raise WrittenInLegacy while the legacy system takes the writes of this file."""
        assert access.collection is not None
        refuse_write(access, self._parts.rules.of(access.collection))

    async def refuse_erased(self, metadata: Metadata) -> None:
        """Raise SubjectErased."""
        if metadata.data_subject is None:
            return
        refuse = self._parts.store.refuse_erased
        try:
            await self._parts.reading(refuse, metadata.collection, metadata.data_subject)
        except Erased:
            raise erased() from None

    def _refuse_foreign(self, access: Access, state: UploadState) -> None:
        """Raise Forbidden for an upload of another client. The story of the file names who was
        refused.
        """
        metadata = state.metadata
        access.collection = metadata.collection
        access.address = self._parts.store.address(metadata.collection, metadata.key).hex()
        if state.actor != access.actor:
            raise Forbidden("foreign_upload")
        access.key, access.filename = metadata.key, metadata.filename


def erased() -> SubjectErased:
    return SubjectErased("the data subject was erased; nothing is stored about them")


def find_id(raw: bytes) -> UUID | None:
    """The id in a path, None for what is no id as we write it."""
    try:
        text = raw.decode("ascii")
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
