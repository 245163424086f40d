"""The data plane: one ASGI application, from a request to exactly one answer and one pair of
records.

Nothing here asks a database (promise 5) and nothing is answered before its `req` is durable
(promise 3).
"""

import logging
import time

from contentserver.correlation import serving
from contentserver.delivery.access import Access
from contentserver.delivery.errors import BadRequest, Hidden, MethodNotAllowed, Overloaded, PeerGone
from contentserver.delivery.health import Health
from contentserver.delivery.legacy_addresses import LegacyAddresses, OldUrl
from contentserver.delivery.listing import Lister
from contentserver.delivery.parts import Parts
from contentserver.delivery.problems import headers_of, to_problem
from contentserver.delivery.read import Reader
from contentserver.delivery.refusals import Refusals
from contentserver.delivery.remove import Remover
from contentserver.delivery.request import Receive, Request, Scope, Send
from contentserver.delivery.responses import send_problem
from contentserver.delivery.routes import NOTHING, PUBLIC, Found, Routes
from contentserver.delivery.upload_door import find_id
from contentserver.delivery.upload_request import is_upload, marks_of, soften, take_override
from contentserver.delivery.upload_routes import add_uploads
from contentserver.delivery.write import Writer
from contentserver.protocol.keys import check_collection, key_from_raw_path
from contentserver.store.errors import Refused
from skold.certificate_identity import CERTIFICATE_HEADER, VERIFY_HEADER, handed_over
from skold.gate import Anonymous, Principal, RequestFacts
from skold.journal import JournalUnavailable

log = logging.getLogger(__name__)


class DataPlane:
    """Call it as ASGI. `routes` is public, so that tests can walk it."""

    def __init__(self, parts: Parts, health: Health) -> None:
        self.parts = parts
        self.under_way = 0
        self.refusals = Refusals(parts)
        self.legacy_addresses = LegacyAddresses(parts, self.refusals)
        self.routes = self.table(parts, health)

    @staticmethod
    def table(parts: Parts, health: Health | None = None) -> Routes:
        """Every route, with the action it asks for."""
        routes = Routes()
        reader, lister = Reader(parts), Lister(parts)
        routes.add("content", "GET", "read", reader.get, keyed=True, by_year=True)
        routes.add("content", "HEAD", "read", reader.get, keyed=True, by_year=True)
        routes.add("content", "PUT", "write", Writer(parts).put, keyed=True, by_year=True)
        routes.add("content", "DELETE", "delete", Remover(parts).delete, keyed=True, by_year=True)
        routes.add("versions", "GET", "read", lister.versions, keyed=True, by_year=True)
        routes.add("heads", "POST", "read", lister.heads, keyed=False)
        add_uploads(routes, parts)
        for path, handler in health.handlers().items() if health else ():
            routes.add(path, "GET", PUBLIC, handler, keyed=False)
        return routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        uploads = is_upload(request.raw_path)
        if uploads:
            take_override(request)
        found = self.routes.find(request.method, request.raw_path)
        if found.route is not None and found.route.action == PUBLIC:
            await found.route.handler(request)
            return
        serving.set(request)  # each request runs in a context of its own, which ends with it
        access = Access(self.parts.journal, request, found.route.action if found.route else "none")
        if uploads:
            access.marks = marks_of(request, self.parts)
            access.upload = find_id(found.upload)
        self.under_way += 1
        try:
            await self._answer(access, found, scope["headers"])
        finally:
            self.under_way -= 1
            name = found.route.name if found.route else access.route or "none"
            seconds = time.perf_counter() - request.arrived
            self.parts.metrics.observe(name, request.method, access.status, seconds, access.sent)

    async def _answer(
        self, access: Access, found: Found, headers: list[tuple[bytes, bytes]]
    ) -> None:
        """Serve, or refuse, or break off; in each case `req` is durable first and `done`
        follows.
        """
        outcome = "served"
        try:
            await self._serve(access, found, headers)
            outcome = access.outcome
        except PeerGone:
            outcome = "broken_off"
            raise
        except Exception as error:  # noqa: BLE001 - the one place where anything becomes an answer
            outcome = "broken_off"
            outcome = await self._refuse(access, error)
        finally:
            if access.recorded:
                access.done(outcome)

    async def _serve(
        self, access: Access, found: Found, headers: list[tuple[bytes, bytes]]
    ) -> None:
        if self.under_way > self.parts.max_requests:
            raise Overloaded("too many requests are under way; try again")
        access.request.read_headers(headers)
        old = self.legacy_addresses.find(access.request) if found is NOTHING else None
        self._identify(access, old)
        if old is not None:
            await self.legacy_addresses.serve(access, old)
            return
        if found.route is None:
            raise (
                MethodNotAllowed(found.allowed)
                if found.allowed
                else Hidden("there is no such address")
            )
        if found.route.keyed:
            access.collection = check_collection(found.collection.decode("latin-1"))
            access.key = key_from_raw_path(found.key)
            self.parts.decide(access, year_follows=found.route.by_year)
        await found.route.handler(access)

    def _identify(self, access: Access, old: OldUrl | None) -> None:
        request = access.request
        facts = RequestFacts(
            request.method,
            request.raw_path,
            request.query,
            request.headers.get("authorization"),
            request.text("on-behalf-of"),
            request.address,
            handed_over(
                request.headers.get(VERIFY_HEADER),
                request.headers.get(CERTIFICATE_HEADER),
                request.peer,
                self.parts.proxies,
            ),
        )
        identity = self.parts.gate.identify(facts)
        if old is not None and old.client is not None and isinstance(identity, Anonymous):
            identity = self.parts.gate.identify_at(old.client, old.pattern, facts)
        if not isinstance(identity, Principal):
            raise self.refusals.unauthenticated(identity, request.address)
        access.principal = identity
        excess = self.parts.limits.admit(identity, request.address, self.parts.gate.policy)
        if excess is not None:
            raise self.refusals.excessive(excess, identity, request.address)

    async def _refuse(self, access: Access, error: Exception) -> str:
        """Answer what went wrong, recorded first. An answer already begun is cut off: a whole one
        would be a lie.
        """
        if access.status:
            log.error("%s: the answer broke off: %s", access.request.request_id, error)
            raise PeerGone("broken off by the server") from error
        answer = to_problem(error)
        if isinstance(error, Refused):
            access.reason = error.reason
        if isinstance(error, BadRequest) and access.principal is None:
            error = self.refusals.unread(error, answer.type_slug, access.request.address)
            answer = to_problem(error)
        if not access.recorded and not isinstance(error, JournalUnavailable):
            try:
                await self.refusals.record(access, error, answer.type_slug)
            except JournalUnavailable as unavailable:
                error, answer = unavailable, to_problem(unavailable)
        told = soften(access.request, error, answer.status, known=access.principal is not None)
        told_as = answer if told is error else to_problem(told)
        await send_problem(access, told_as, headers_of(told_as, told))
        return answer.type_slug
