"""One access and its pair of records: `req` on stable storage before the first byte, `done` after
the last.

Promise 3 lives here: whoever answers appends `req` with `begin` and awaits `durable` before any
byte leaves. If the
journal cannot take the record, JournalUnavailable leaves as 503 and nothing is served.
"""

import json
import logging
import time
from collections.abc import Sequence
from uuid import UUID

from contentserver.delivery.request import Request
from contentserver.store.address import Version
from contentserver.store.errors import OutsideYears
from skold.gate import Decision, Principal
from skold.journal import Journal, JournalUnavailable, Scalar, Ticket
from skold.years import Years

AGENT_LIMIT = 256
REASON_LIMIT = 200
log = logging.getLogger(__name__)


class Access:
    """Who does what to which file; filled in as the request is understood.

    `resource` is the source of the migrator that the file belongs to, `upload` the id of the upload
    that it is about, `route` the kind of address where it is none of `/v1`. `outcome` is what
    `done` says of an answer that went well, `reason` why a check refused the file; `marks` are
    headers that the answer carries besides its own.
    """

    __slots__ = (
        "_ended", "_ticket",
        "action",
        "address",
        "collection",
        "decision",
        "filename",
        "journal",
        "key",
        "keys",
        "marks",
        "outcome",
        "principal",
        "reason",
        "request",
        "resource",
        "route",
        "sent",
        "status",
        "upload",
        "version",
    )  # fmt: skip

    def __init__(self, journal: Journal, request: Request, action: str) -> None:
        self.journal = journal
        self.request = request
        self.action = action
        self.principal: Principal | None = None
        self.decision: Decision | None = None
        self.collection: str | None = None
        self.key: str | None = None
        self.keys: list[str] | None = None
        self.address: str | None = None
        self.version: str | None = None
        self.filename: str | None = None
        self.resource: str | None = None
        self.upload: UUID | None = None
        self.reason: str | None = None
        self.route: str | None = None
        self.outcome = "served"
        self.marks: Sequence[tuple[bytes, bytes]] = ()
        self.status = 0
        self.sent = 0
        self._ticket: Ticket | None = None
        self._ended = False

    @property
    def recorded(self) -> bool:
        return self._ticket is not None

    @property
    def actor(self) -> str:
        """The client that is let in. Every way into the store asks for it."""
        assert self.principal is not None
        return self.principal.client

    @property
    def years(self) -> Years | None:
        """The years whose versions the decision allows; None for all."""
        return None if self.decision is None else self.decision.years

    def found(self, version: Version) -> None:
        """Note the version that answers, under the rule that reaches its year."""
        self.version = str(version)
        self.close_decision(version.year)

    def close_decision(self, year: int) -> None:
        """The year is known now. Raises OutsideYears where the decision does not reach it."""
        decision = self.decision
        if decision is not None and decision.years is not None:
            closed = decision.of_year(year)
            if not closed.allowed:
                raise OutsideYears(year)
            self.decision = closed

    def begin(self, refused: str | None = None, **more: str) -> None:
        """Append `req`, refused for a reason or allowed by the decision. Raises
        JournalUnavailable.
        """
        decision = self.decision
        allowed = refused is None and decision is not None and decision.allowed
        body: dict[str, Scalar] = {
            "id": self.request.request_id,
            "plane": "data",
            "method": self.request.method,
            "action": self.action,
            "decision": "allow" if allowed else "refuse",
            "reason": refused or (decision.reason if decision else "unknown"),
            **more,
        }
        private: dict[str, str | None] = {"network": self.request.address}
        if decision is not None and decision.rule is not None:
            body["rule"] = decision.rule
        if self.principal is not None:
            _name_principal(body, private, self.principal)
        self._name_file(body)
        self._name_person(private)
        self._ticket = self.journal.append("req", body, private)

    async def durable(self) -> None:
        """Return when `req` is on stable storage. Raises JournalUnavailable: then nothing may be
        served.
        """
        assert self._ticket is not None
        await self.journal.durable(self._ticket)

    def done(self, outcome: str) -> None:
        """Append `done`, once. Its loss in a crash leaves a `req` without an end, listed as broken
        off.
        """
        if self._ended:
            return
        self._ended = True
        try:
            self._append_done(outcome, self.status, self.sent)
        except JournalUnavailable:
            log.exception("%s: the end of this access is not recorded", self.request.request_id)

    async def stored(self, status: int, version: str, size: int) -> None:
        """Return when `done` of a write is durable: from then on the ledger misses the version if
        the disk should lose it, so a version is acknowledged only after this. `size` in bytes.

        Raises JournalUnavailable; the version stands, and the same request again is answered 200.
        """
        self.version, self._ended = version, True
        await self.journal.durable(self._append_done("served", status, size))

    def _append_done(self, outcome: str, status: int, size: int) -> Ticket:
        body: dict[str, Scalar] = {
            "status": status,
            "bytes": size,
            "microseconds": int((time.perf_counter() - self.request.arrived) * 1_000_000),
            "outcome": outcome,
        }
        if self.version is not None:
            body["version"] = self.version
        if self.reason is not None:
            body["reason"] = self.reason[:REASON_LIMIT]
        return self.journal.append("done", body, ref=self._ticket)

    def _name_file(self, body: dict[str, Scalar]) -> None:
        if self.collection is not None:
            body["collection"] = self.collection
        if self.address is not None:
            body["address"] = self.address
        if self.version is not None:
            body["version"] = self.version
        if self.upload is not None:
            body["upload"] = str(self.upload)
        if self.resource is not None:
            body["resource"] = self.resource
        if self.route is not None:
            body["route"] = self.route

    def _name_person(self, private: dict[str, str | None]) -> None:
        agent = self.request.headers.get("user-agent")
        if agent is not None:
            private["user_agent"] = agent[:AGENT_LIMIT]
        if self.key is not None:
            private["key"] = self.key
        if self.keys is not None:
            private["keys"] = json.dumps(self.keys, ensure_ascii=False)
        if self.filename is not None:
            private["filename"] = self.filename


def _name_principal(
    body: dict[str, Scalar], private: dict[str, str | None], principal: Principal
) -> None:
    body["client"] = principal.client
    body["credential"] = principal.credential
    if principal.end_user is not None:
        private["end_user"] = principal.end_user
        body["end_user_known"] = principal.end_user_known
