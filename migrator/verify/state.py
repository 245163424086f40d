"""How far a verification is, in its row: position, figures and findings of a batch are one
transaction.

`position` is {"after": id in the index's order or null, "key": the last stored key looked at,
"chain": hex, "pending": n, "erased": n}. It is also what makes sure that one process at a time goes
on with a row: whoever finds another position than its own has been overtaken.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from migrator.legacy.description import RecordId
from migrator.models import Difference, Source, Verification
from migrator.verify.chain import Chain
from migrator.verify.compared import Compared

_COUNTED = ("equal", "missing_here", "missing_there", "different", "unreadable")
_ASIDE = ("pending", "erased")


class VerificationMoved(Exception):
    """Another process goes on with this verification; let it, or begin a new one."""


class State:
    """One verification. Every method that writes raises django.db.Error, VerificationMoved."""

    def __init__(self, verification: Verification) -> None:
        self.verification = verification

    @property
    def position(self) -> dict[str, Any]:
        position: dict[str, Any] = self.verification.position or {}
        return position

    @property
    def phase(self) -> str:
        return self.verification.phase

    @property
    def after(self) -> RecordId | None:
        after = self.position["after"]
        return None if after is None else tuple(after)

    @property
    def key(self) -> str:
        key: str = self.position["key"]
        return key

    def take_there(self, after: list[str], results: list[Compared]) -> Verification:
        """A batch of legacy records up to `after`, in the order of the index."""
        chain = Chain.resume(self.position["chain"])
        for found in results:
            if found.what == "equal" and found.sha256 is not None:
                chain.add(found.key, found.sha256)
        figures = {
            "compared": F("compared") + len(results),
            "compared_bytes": F("compared_bytes") + sum(one.size for one in results),
        }
        return self._take({"after": after, "chain": chain.hex}, results, figures)

    def turn(self) -> Verification:
        """From legacy to the disk."""
        return self._take({}, [], {"phase": Verification.Phase.HERE})

    def take_here(self, key: str, results: list[Compared]) -> Verification:
        """What legacy does not have of the stored files up to `key`."""
        return self._take({"key": key}, results, {})

    @transaction.atomic
    def finish(self) -> Verification:
        """Everything was compared: what earlier verifications found is settled by this one."""
        now = timezone.now()
        facts = {"finished_at": now, "digest": self.position["chain"]}
        self._take({}, [], {"phase": Verification.Phase.DONE, **facts})
        _settle_older(self.verification, now)
        return self.verification

    @transaction.atomic
    def _take(
        self, position: dict[str, Any], results: list[Compared], facts: dict[str, Any]
    ) -> Verification:
        known = self.position
        aside = {what: known[what] + _count(results, what) for what in _ASIDE}
        counts = {what: F(what) + _count(results, what) for what in _COUNTED}
        row = Verification.objects.filter(
            pk=self.verification.pk, position=known, phase=self.phase, finished_at=None
        )
        moved = {**known, **position, **aside}
        if not row.update(position=moved, seen_at=timezone.now(), **counts, **facts):
            raise VerificationMoved(
                "another process goes on with this verification; let it, or begin a new one"
            )
        Difference.objects.bulk_create(
            _row(self.verification, one) for one in results if one.is_difference
        )
        self.verification.refresh_from_db()
        return self.verification


def find_or_begin(source: Source, *, resume: bool) -> State:
    """The newest unfinished one with `resume`, else a new one."""
    unfinished = Verification.objects.filter(source=source, finished_at=None)
    found = unfinished.order_by("-started_at").first() if resume else None
    if found is None:
        chain = Chain.begin(source.name).hex
        position = {"after": None, "key": "", "chain": chain, "pending": 0, "erased": 0}
        found = Verification.objects.create(source=source, position=position)
    return State(found)


def _settle_older(verification: Verification, now: datetime) -> None:
    Difference.objects.filter(
        source=verification.source,
        resolved_at=None,
        verification__started_at__lt=verification.started_at,
    ).update(resolved_at=now)


def _count(results: list[Compared], what: str) -> int:
    return sum(one.what == what for one in results)


def _row(verification: Verification, found: Compared) -> Difference:
    return Difference(
        source=verification.source,
        verification=verification,
        record=list(found.record),
        key=found.key,
        kind=found.what,
        detail=found.detail[:500],
    )
