"""Write-backs in the audit: a record before content is read for legacy, and one of its end."""

import uuid
from typing import Literal

from contentserver.store.store import Store
from migrator.legacy.description import Description
from skold.journal import Journal, Ticket

WAIT = 10.0
"""Seconds for a record to become durable."""

Carried = Literal["written", "theirs", "foreign", "erased", "failed", "busy"]
"""written: legacy has the latest, whether that needed a write or not. theirs: the latest came from
legacy. foreign: somebody changed it in legacy. erased: its data subject was erased here."""

_STATUS: dict[Carried, int] = {
    "written": 200, "theirs": 200, "foreign": 409, "erased": 410, "busy": 409, "failed": 500,
}  # fmt: skip


class WriteBackAudit:
    """Writes them for one source."""

    def __init__(self, store: Store, journal: Journal, description: Description) -> None:
        self._store = store
        self._journal = journal
        self._description = description

    def begin(self, key: str) -> Ticket:
        """Append `req` and wait until it is durable. Raises JournalUnavailable."""
        collection = self._description.collection
        body = {
            "id": str(uuid.uuid4()),
            "plane": "migrator",
            "action": "read",
            "decision": "allow",
            "reason": "write_back",
            "client": "migrator",
            "collection": collection,
            "address": self._store.address(collection, key).hex(),
            "resource": self._description.name,
        }
        ticket = self._journal.append("req", body, {"key": key})
        ticket.wait(WAIT)
        return ticket

    def end(self, request: Ticket, carried: Carried, size: int) -> None:
        """Append `done`. Raises JournalUnavailable."""
        body = {"status": _STATUS[carried], "bytes": size, "outcome": carried}
        self._journal.append("done", body, ref=request)
