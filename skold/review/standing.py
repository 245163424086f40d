"""What stands still: copies that do not grow although there is more, and anchors nobody took."""

import datetime as dt

from skold.anchors.state import read_state
from skold.control.review_parts import ReviewParts
from skold.models import AuditRecord, ReviewMark
from skold.review.findings import note_finding
from skold.review.lag import find_lag


def judge_copies(parts: ReviewParts, mark: ReviewMark, now: dt.datetime) -> None:
    """The ledger while journals hold more, PostgreSQL's copy while the ledger holds more.

    Remembers in `mark` where the copy stands, and since when.
    """
    lag = find_lag(parts)
    if lag is None:
        return
    if mark.seen_at is None or mark.seen_leaf != lag.copied or not lag.copy:
        mark.seen_leaf, mark.seen_at = lag.copied, now
    patience = dt.timedelta(minutes=parts.thresholds.still_minutes)
    if now - mark.seen_at >= patience:
        _note_still(parts, "copy", mark.seen_at, now, lag.copy)
    if lag.journal and lag.moved_at is not None and now - lag.moved_at >= patience:
        _note_still(parts, "ledger", lag.moved_at, now, lag.journal)


def judge_anchors(parts: ReviewParts, now: dt.datetime) -> None:
    """Each place that has not covered the ledger for too long; no place at all, once."""
    patience = dt.timedelta(hours=parts.thresholds.unanchored_hours)
    state = read_state(parts.ledger, parts.anchors, now)
    if not state.places:
        _note_nowhere(parts, now, patience)
    for name, age in state.age.items():
        since = now - dt.timedelta(seconds=age)
        if now - since >= patience:
            facts = {"place": name, "error": state.error.get(name, "")[:200]}
            _note_unanchored(parts, f"{name}:{since:%Y%m%dT%H}", since, now, facts)


def _note_nowhere(parts: ReviewParts, now: dt.datetime, patience: dt.timedelta) -> None:
    oldest = AuditRecord.objects.filter(node=parts.node).order_by("at").first()
    if oldest is not None and now - oldest.at >= patience:
        _note_unanchored(parts, "nowhere", oldest.at, now, {"place": ""})


def _note_still(
    parts: ReviewParts, what: str, since: dt.datetime, now: dt.datetime, lacking: int
) -> None:
    note_finding(
        rule="gap",
        key=f"gap:still:{what}:{parts.node}:{since:%Y%m%dT%H%M}",
        severity="warning",
        since=since,
        until=now,
        count=lacking,
        node=parts.node,
        facts={"what": f"still_{what}", "lacking": lacking},
    )


def _note_unanchored(
    parts: ReviewParts, key: str, since: dt.datetime, now: dt.datetime, facts: dict[str, str]
) -> None:
    note_finding(
        rule="unanchored",
        key=f"unanchored:{parts.node}:{key}"[:200],
        severity="warning",
        since=since,
        until=now,
        count=0,
        node=parts.node,
        facts=facts,
    )
