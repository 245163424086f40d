"""Imports in the audit: each leaves a record before it changes anything, and one of its end."""

import uuid
from collections.abc import Iterable

from contentserver.store.store import Store
from migrator.legacy.description import Description
from migrator.outcomes import Outcome
from skold.journal import Journal, Ticket

WAIT = 10.0
"""Seconds for a group of records to become durable."""

_STATUS = {"imported": 201, "same": 200, "deleted": 204, "erased": 410, "busy": 409}


class ImportAudit:
    """Writes them for one source."""

    def __init__(
        self, store: Store, journal: Journal, description: Description, actor: str
    ) -> None:
        self._store = store
        self._journal = journal
        self._description = description
        self._actor = actor

    def begin(self, key: str, *, deleting: bool) -> Ticket:
        """Append `req`; durable after `wait`. Raises JournalUnavailable."""
        collection = self._description.collection
        body = {
            "id": str(uuid.uuid4()),
            "plane": "migrator",
            "action": "delete" if deleting else "commit",
            "decision": "allow",
            "reason": "import",
            "client": self._actor,
            "collection": collection,
            "address": self._store.address(collection, key).hex(),
            "resource": self._description.name,
        }
        return self._journal.append("req", body, {"key": key})

    def end(self, request: Ticket, outcome: Outcome) -> Ticket:
        """Append `done`; durable after `wait`. Raises JournalUnavailable."""
        version = {} if outcome.version is None else {"version": str(outcome.version)}
        body = {
            "status": _STATUS.get(outcome.what, 500),
            "bytes": outcome.size,
            "outcome": outcome.what,
            **version,
        }
        return self._journal.append("done", body, ref=request)


def wait(tickets: Iterable[Ticket]) -> None:
    """Return when all are on stable storage. Raises JournalUnavailable."""
    for ticket in tickets:
        ticket.wait(WAIT)
