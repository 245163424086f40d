"""Old URLs, declared in the policy, lead to collection and key through the same gate and the same
audit, so that old callers need no change.
"""

import copy
import logging
from typing import NamedTuple

from contentserver.delivery.access import Access
from contentserver.delivery.errors import Forbidden, Hidden, MethodNotAllowed, PeerGone
from contentserver.delivery.parts import Parts
from contentserver.delivery.problems import to_problem
from contentserver.delivery.read import Reader
from contentserver.delivery.refusals import Refusals
from contentserver.delivery.request import Request
from contentserver.delivery.sources import LegacyAddress
from contentserver.protocol.conditionals import CONDITIONAL_FIELDS
from contentserver.store.errors import Deleted, NotStored
from skold.gate import Decision

ROUTE = "legacy_address"
READ = ("GET", "HEAD")
MARKS = ((b"x-placeholder", b"true"), (b"cache-control", b"no-store"))
_SHOWN = Decision(allowed=True, reason="placeholder")
# A placeholder has no state that a condition on the file itself could mean.
_CONDITIONS = CONDITIONAL_FIELDS | {"range", "if-range"}
_OURS = b"/v1/"
log = logging.getLogger(__name__)


class OldUrl(NamedTuple):
    """A request at a legacy address. `key` is None where its values make none; `client` who asks if
    no credential was sent.
    """

    address: LegacyAddress
    key: str | None
    client: str | None

    @property
    def pattern(self) -> str:
        return self.address.pattern


class LegacyAddresses:
    """Serves GET and HEAD of what is at no address of ours."""

    def __init__(self, parts: Parts, refusals: Refusals) -> None:
        self._parts = parts
        self._refusals = refusals
        self._reader = Reader(parts)

    def find(self, request: Request) -> OldUrl | None:
        """The declared address that a request without a route is at. Raises what the policy
        raises.
        """
        table = self._parts.rules.sources
        if not table.addresses or request.raw_path.startswith(_OURS):
            return None
        found = table.find_address(request.raw_path, request.query)
        if found is None:
            return None
        address, key = found
        return OldUrl(address, key, address.client if request.method in READ else None)

    async def serve(self, access: Access, old: OldUrl) -> None:
        """Answer with the file, or the address's placeholder where it is absent, deleted or
        forbidden. Raises what the reader raises, MethodNotAllowed, Forbidden, Hidden.
        """
        access.route = ROUTE
        if access.request.method not in READ:
            raise MethodNotAllowed(list(READ))
        access.action, access.collection, access.key = "read", old.address.collection, old.key
        try:
            await self._read(access)
        except (NotStored, Deleted, Hidden, Forbidden) as error:
            if old.address.placeholder is None or access.recorded:
                raise
            await self._show(access, old.address.placeholder, error)

    async def _read(self, access: Access) -> None:
        if access.key is None:
            raise Hidden("the values of this address make no key")
        self._parts.decide(access)
        await self._reader.get(access)

    async def _show(self, access: Access, placeholder: str, error: Exception) -> None:
        """The placeholder instead of the error, each with a pair of records of its own."""
        answer = to_problem(error)
        await self._refusals.record(access, error, answer.type_slug)
        shown = self._shown(access, placeholder)
        outcome = "broken_off"
        try:
            await self._reader.get(shown)
            outcome = shown.outcome
        except PeerGone:
            raise
        except Exception as failure:
            if shown.status:
                raise
            log.warning("the placeholder %s cannot be shown: %s", placeholder, failure)
            outcome = to_problem(failure).type_slug
            raise error from failure
        finally:
            if shown.recorded:
                shown.done(outcome)
            if shown.status:
                access.status = answer.status
                access.done(answer.type_slug)
                access.status, access.sent = shown.status, shown.sent

    def _shown(self, access: Access, placeholder: str) -> Access:
        request = copy.copy(access.request)
        request.headers = {
            name: value for name, value in request.headers.items() if name not in _CONDITIONS
        }
        shown = Access(access.journal, request, "read")
        shown.principal, shown.decision, shown.route = access.principal, _SHOWN, ROUTE
        shown.collection, shown.key, shown.marks = access.collection, placeholder, MARKS
        return shown
