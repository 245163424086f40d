"""Recovery and expiry of uploads, each finished commit recorded in the audit.

Both may run anywhere and at any time: the store touches only uploads whose lock it gets.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence

from contentserver.store.results import Recovered, RefusedUpload
from contentserver.store.store import Store
from skold.journal import Journal, Scalar

log = logging.getLogger(__name__)

WAIT = 5.0
"""Seconds for a record to become durable."""

REASON_LIMIT = 200


def recover_uploads(*, actor: str, store: Store, journal: Journal) -> Sequence[Recovered]:
    """Finish commits that dead processes had begun, and record each, what a check refused too.

    Raises JournalUnavailable.
    """
    recorder = _Recorder(actor, store, journal)
    recovered = store.recover(recorder.refusal)
    for commit in recovered:
        recorder.commit(commit)
    if recovered:
        log.warning("uploads_recovered", extra={"uploads": len(recovered)})
    return recovered


def expire_uploads(*, actor: str, store: Store, journal: Journal) -> int:
    """Remove what is past its expiry, after everything that is complete was committed."""
    recover_uploads(actor=actor, store=store, journal=journal)
    expired = store.expire_uploads()
    if expired:
        log.info("uploads_expired", extra={"uploads": expired})
    return expired


class _Recorder:
    """Pairs of records of what nobody asked for at that moment."""

    def __init__(self, actor: str, store: Store, journal: Journal) -> None:
        self._actor = actor
        self._store = store
        self._journal = journal

    def commit(self, commit: Recovered) -> None:
        version = str(commit.receipt.version)
        status = 201 if commit.receipt.created else 200
        self._record(
            commit,
            {"version": version},
            {"status": status, "version": version, "outcome": "recovered"},
        )

    def refusal(self, refused: RefusedUpload) -> None:
        reason = refused.reason[:REASON_LIMIT]
        self._record(refused, {}, {"status": 422, "outcome": "check_refused", "reason": reason})

    def _record(
        self,
        about: Recovered | RefusedUpload,
        more: Mapping[str, Scalar],
        ended: Mapping[str, Scalar],
    ) -> None:
        asked: dict[str, Scalar] = {
            "id": str(uuid.uuid4()),
            "plane": self._actor,
            "action": "commit",
            "decision": "allow",
            "reason": "recovered",
            "client": about.actor,
            "collection": about.collection,
            "address": self._store.address(about.collection, about.key).hex(),
            "upload": str(about.upload_id),
        }
        request = self._journal.append("req", {**asked, **more}, {"key": about.key})
        done = self._journal.append("done", {"bytes": 0, **ended}, ref=request)
        request.wait(WAIT)
        done.wait(WAIT)
