"""Refusing: the reason goes into the record, the answer tells a stranger nothing.

Absent and forbidden look the same from outside, in time too: a forbidden request takes the steps of
an absent file
before it is answered.
"""

import secrets

from contentserver.delivery.access import Access
from contentserver.delivery.errors import Forbidden, Unauthenticated
from contentserver.delivery.parts import Parts
from contentserver.store.errors import StoreError
from contentserver.store.fileops import WouldBlock
from skold.gate import Anonymous, Reject


def unauthenticated(identity: Anonymous | Reject) -> Unauthenticated:
    """The same error whatever is wrong with the credential; only the record is told what."""
    if isinstance(identity, Anonymous):
        return Unauthenticated("no_credential")
    return Unauthenticated(identity.reason, identity.client, identity.credential, identity.claimed)


class Refusals:
    """Makes the record of a refusal durable."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def record(self, access: Access, error: Exception, slug: str) -> None:
        """Return once the refusal is on stable storage. Raises JournalUnavailable."""
        if isinstance(error, Unauthenticated):
            access.begin(error.reason, **error.named())
        elif isinstance(error, Forbidden):
            self._look_in_vain(access)
            access.begin(error.reason)
        else:
            access.begin(slug)
        await access.durable()

    def _look_in_vain(self, access: Access) -> None:
        try:
            self._parts.store.open_latest(
                access.collection or "none", secrets.token_hex(16), cached_only=True
            ).close()
        except (StoreError, WouldBlock):
            return
