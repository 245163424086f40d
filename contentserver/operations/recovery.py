"""Recovery and expiry of uploads, each finished commit recorded in the audit.

Both may run anywhere and at any time: the store touches only uploads whose lock it gets.
"""

import logging
import uuid
from collections.abc import Sequence

from contentserver.store.results import Recovered
from contentserver.store.store import Store
from skold.journal import Journal

log = logging.getLogger(__name__)

WAIT = 5.0
"""Seconds for a record to become durable."""


def recover_uploads(*, actor: str, store: Store, journal: Journal) -> Sequence[Recovered]:
    """Finish commits that dead processes had begun, and record each. Raises JournalUnavailable."""
    recovered = store.recover()
    for commit in recovered:
        _record(actor, store, journal, commit)
    if recovered:
        log.warning("uploads_recovered", extra={"uploads": len(recovered)})
    return recovered


def expire_uploads(*, actor: str, store: Store, journal: Journal) -> int:
    """Remove what is past its expiry, after everything that is complete was committed."""
    recover_uploads(actor=actor, store=store, journal=journal)
    return store.expire_uploads()


def _record(actor: str, store: Store, journal: Journal, commit: Recovered) -> None:
    body = {
        "id": str(uuid.uuid4()),
        "plane": actor,
        "action": "commit",
        "decision": "allow",
        "reason": "recovered",
        "client": commit.actor,
        "collection": commit.collection,
        "address": store.address(commit.collection, commit.key).hex(),
        "version": str(commit.receipt.version),
    }
    request = journal.append("req", body, {"key": commit.key})
    done = journal.append(
        "done",
        {
            "status": 201 if commit.receipt.created else 200,
            "bytes": 0,
            "version": str(commit.receipt.version),
            "outcome": "recovered",
        },
        ref=request,
    )
    request.wait(WAIT)
    done.wait(WAIT)
