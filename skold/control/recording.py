"""One access to the control plane and its pair of records.

`req` is on stable storage before a view acts or a page leaves; without it there is 503 and nothing
happens. `done` follows with the status. Should it fail, the access has happened and is recorded:
the log says what is missing.
"""

import json
import logging
import time
import uuid
from collections.abc import Sequence

from django.http import HttpRequest

from skold.control import parts, review_parts
from skold.gate import Decision, Principal, Reject
from skold.journal import JournalUnavailable, Scalar, Ticket
from skold.shown_address import shown
from skold.years import Years

WAIT = 2.0
"""Seconds a record may take to become durable before the answer is 503."""
AGENT_LIMIT = 256
PATH_LIMIT = 2048
log = logging.getLogger(__name__)


class ControlAccess:
    """Who asks the control plane for what. `resource` names the object, never a person.

    `looked_at` is `file` or `person` where the page tells who did what with which personal data.
    `said` and `said_privately` are what the person decided; `done` says it.
    """

    def __init__(self, request: HttpRequest, action: str, resource: str | None) -> None:
        self.action = action
        self.resource = resource
        self.decision: Decision | None = None
        self.collection: str | None = None
        self.made: str | None = None
        self.looked_at: str | None = None
        self.said: dict[str, Scalar] = {}
        self.said_privately: dict[str, str | None] = {}
        self._request = request
        self._started = time.perf_counter()
        self._ticket: Ticket | None = None
        self._body: dict[str, Scalar] = {}
        self._private: dict[str, str | None] = {}

    @property
    def years(self) -> Years | None:
        """The years of versions that the decision allows; None for all."""
        return None if self.decision is None else self.decision.years

    def name_principal(self, principal: Principal) -> None:
        """Remember whose key it was, and for whom it acts."""
        self._body |= {"client": principal.client, "credential": principal.credential}
        if principal.end_user is not None:
            self._body["end_user_known"] = principal.end_user_known
            self._private["end_user"] = principal.end_user

    def name_reject(self, reject: Reject) -> None:
        """Remember what can be said of a credential that does not hold."""
        self._body |= {"client": reject.client, "credential": reject.credential}
        self._private["claimed"] = reject.claimed

    def name_files(self, collection: str | None, keys: Sequence[str]) -> None:
        """Remember which files it is about, and how many; their keys are private."""
        self.collection = collection
        self._body["count"] = len(keys)
        self._private["keys"] = json.dumps(list(keys), ensure_ascii=False)
        if collection is not None and len(keys) == 1:  # so that the file's story tells of it
            self._body["address"] = review_parts.get().address_of(collection, keys[0])

    def name_session(self, user_id: str | None, username: str | None) -> None:
        """Remember a person who is signed in to the admin, or who tries to be."""
        if user_id is not None:
            self._body |= {"credential": f"session:{user_id}", "end_user_known": "session"}
        self._private["end_user"] = username

    def begin(self, refused: str | None = None) -> None:
        """Write `req` and wait until it is durable. Raises JournalUnavailable: then do nothing."""
        decision = self.decision
        allowed = refused is None and decision is not None and decision.allowed
        body: dict[str, Scalar] = {
            **self._body,
            "id": request_id(self._request),
            "plane": "control",
            "method": self._request.method,
            "action": self.action,
            "decision": "allow" if allowed else "refuse",
            "reason": refused or (decision.reason if decision else "unknown"),
            "rule": decision.rule if decision else None,
            "collection": self.collection,
            "resource": self.resource,
            "looked_at": self.looked_at,
        }
        said = {name: value for name, value in body.items() if value is not None}
        ticket = parts.journal().append("req", said, self._personal())
        ticket.wait(WAIT)
        self._ticket = ticket

    def finish(self, status: int) -> None:
        """Write `done`, with what was `made`; does nothing where `begin` did not succeed."""
        if self._ticket is None:
            return
        body: dict[str, Scalar] = {
            "status": status,
            "outcome": "served" if status < 400 else "failed",
            "microseconds": int((time.perf_counter() - self._started) * 1_000_000),
        }
        if self.made is not None:
            body["resource"] = self.made
        body |= self.said
        private = self.said_privately or None
        try:
            parts.journal().append("done", body, private, ref=self._ticket).wait(WAIT)
        except JournalUnavailable:
            log.exception("control_done_not_recorded: request %s", request_id(self._request))
        self._ticket = None

    def _personal(self) -> dict[str, str | None]:
        personal = {
            **self._private,
            "network": self._request.META.get("REMOTE_ADDR"),
            "user_agent": self._request.headers.get("User-Agent", "")[:AGENT_LIMIT] or None,
            "path": shown(self._request.get_full_path())[:PATH_LIMIT],
        }
        return {name: value for name, value in personal.items() if value is not None}


def request_id(request: HttpRequest) -> str:
    """The id that a middleware gave the request; one made now where there was none."""
    given = getattr(request, "request_id", None)
    if not isinstance(given, str):
        given = str(uuid.uuid4())
        request.request_id = given  # type: ignore[attr-defined]
    return given
