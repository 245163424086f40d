"""The bridge's loop over redactions: counts what was asked for, carries out what was approved.

After a start it first applies the list on disk once more: a ledger that was restored from a copy,
or a kill in the middle, may have left private parts that are to be gone.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from django.utils import timezone

from contentserver.conf import Config
from contentserver.operations.audit_database import audit_connection
from skold.journal import Journal, Scalar, Ticket
from skold.ledger.mark import read_mark
from skold.models import Redaction
from skold.redaction.carry_out import CarryOut, Step
from skold.redaction.listed import Listed, as_ranges, find_listed, read_all, write_listed
from skold.redaction.selection import Selection

INTERVAL = 5.0
WAIT = 10.0
"""Seconds for a record to become durable."""


class RedactionLoop:
    """One node's. Each step may be killed anywhere and repeated."""

    def __init__(
        self,
        config: Config,
        journal: Journal,
        resting: Callable[[], AbstractContextManager[None]],
        step: Step = lambda _name: None,
    ) -> None:
        """`resting`: a block in which nothing is sequenced into the ledger."""
        self._config, self._journal, self._step = config, journal, step
        self._work = CarryOut(
            ledger=config.ledger,
            journal_dirs=config.journal_dirs,
            archive=config.archive,
            node=config.node,
            resting=resting,
            step=step,
        )
        self._applied = False

    def step(self) -> bool:
        """One thing that is to be done; True if there was one.

        Raises what CarryOut raises, JournalUnavailable, django.db.Error.
        """
        if not self._applied:
            for listed in read_all(self._config.ledger, self._config.node):
                self._work.on_disk(listed)
            self._applied = True
        asked = Redaction.objects.filter(state=Redaction.State.ASKED, records=None)
        if (redaction := asked.order_by("id").first()) is not None:
            self._count(redaction)
            return True
        approved = Redaction.objects.filter(state=Redaction.State.APPROVED)
        if (redaction := approved.order_by("decided_at").first()) is not None:
            self._carry_out(redaction)
            return True
        return False

    def _count(self, redaction: Redaction) -> None:
        found = sum(1 for _each in self._iter_leaves(redaction))
        counting = Redaction.objects.filter(pk=redaction.pk, state=Redaction.State.ASKED)
        counting.update(records=found)

    def _carry_out(self, redaction: Redaction) -> None:
        listed = self._listed(redaction)
        try:
            ticket = self._record(redaction)
            with audit_connection("skold redaction") as connection:
                self._work.everywhere(listed, connection)
            done: dict[str, Scalar] = {"status": 200, "outcome": "served"}
            self._journal.append("done", done, ref=ticket).wait(WAIT)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"[:500]
            Redaction.objects.filter(pk=redaction.pk).update(error=said)
            raise
        self._step("done")
        redaction.state, redaction.done_at = Redaction.State.DONE, timezone.now()
        # The selector names a person or a file; what it meant is in the list, by number.
        redaction.records, redaction.selector, redaction.error = listed.count, {}, ""
        redaction.save(update_fields=["state", "done_at", "records", "selector", "error"])

    def _listed(self, redaction: Redaction) -> Listed:
        """Which leaves, as the list on disk says; searched for and listed the first time."""
        decided = redaction.decided_at
        if decided is None:
            raise ValueError(f"redaction {redaction.pk} is approved without a time")
        # A number of its own in every database that this ledger has had or will have.
        number = int(decided.timestamp() * 1_000_000)
        config = self._config
        listed = find_listed(config.ledger, number)
        if listed is None:
            listed = Listed(
                number,
                config.node,
                as_ranges(self._iter_leaves(redaction)),
                asked_by=redaction.asked_by,
                approved_by=redaction.decided_by,
                at=decided.isoformat(),
            )
            self._step("list")
            write_listed(config.ledger, listed)
        return listed

    def _iter_leaves(self, redaction: Redaction) -> Iterator[int]:
        config = self._config
        selection = Selection(redaction.kind, redaction.selector, config.node)
        leaves = read_mark(config.ledger, config.node).leaves
        return (found.leaf for found in selection.iter_found(config.ledger, leaves))

    def _record(self, redaction: Redaction) -> Ticket:
        body = {
            "id": str(uuid.uuid4()),
            "plane": "bridge",
            "action": "administer",
            "decision": "allow",
            "reason": "redaction",
            "client": "bridge",
            "resource": f"redaction:{redaction.pk}",
        }
        ticket = self._journal.append("req", body, {"end_user": redaction.decided_by})
        ticket.wait(WAIT)
        return ticket
