"""The rules over what is new: each record is judged once, and a killed run goes on where it was.

The findings of a span and the mark behind it are one transaction. Several workers take turns.
"""

import datetime as dt
import time
from collections.abc import Callable

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from skold.control import review_parts
from skold.control.review_parts import ReviewParts
from skold.ledger.mark import read_ended
from skold.models import AuditRecord, LedgerMark, ReviewMark
from skold.review.bursts import judge_bursts
from skold.review.gaps import judge_leaves, judge_writers, note_unended
from skold.review.new_addresses import judge_addresses
from skold.review.refused import judge_guesses, judge_refusals
from skold.review.span import SIZE, Span, find_span
from skold.review.standing import judge_anchors, judge_copies

BUDGET = 60.0
"""Seconds of a run. What is left is judged by the next one."""
RULES: tuple[Callable[[Span], None], ...] = (
    judge_leaves,
    judge_refusals,
    judge_guesses,
    judge_bursts,
    judge_addresses,
)


def judge(now: dt.datetime | None = None, budget: float = BUDGET, size: int = SIZE) -> int:
    """Judge what every node has brought; returns the number of records. Raises DatabaseError."""
    parts = review_parts.get()
    end = time.monotonic() + budget
    judged = 0
    for copied in LedgerMark.objects.order_by("node"):
        while time.monotonic() < end:
            step = _judge_span(parts, copied.node, copied.next_leaf, size)
            judged += step
            if step == 0:
                break
    _judge_standing(parts, now or timezone.now())
    return judged


@transaction.atomic
def _judge_span(parts: ReviewParts, node: str, copied: int, size: int) -> int:
    """The next span of a node; 0 when there is none."""
    mark = _take_mark(node)
    end = min(copied, mark.next_leaf + size)
    if end <= mark.next_leaf:
        return 0
    span = find_span(node, mark.next_leaf, end, parts.thresholds)
    if span is None:  # nothing of it is here any more: archived
        mark.next_leaf = end
        mark.save(update_fields=["next_leaf"])
        return end
    for rule in RULES:
        rule(span)
    first = _first_leaf(node) if not mark.writers else 0
    writers = judge_writers(span, mark.writers, from_the_start=first == 0)
    if node == parts.node:
        writers = note_unended(span, writers, read_ended(parts.ledger))
    mark.next_leaf, mark.writers = end, writers
    mark.save(update_fields=["next_leaf", "writers"])
    return span.found


def _take_mark(node: str) -> ReviewMark:
    """The node's mark, locked. The first one stands at the first record that is here."""
    ReviewMark.objects.get_or_create(node=node, defaults={"next_leaf": _first_leaf(node)})
    return ReviewMark.objects.select_for_update().get(node=node)


def _first_leaf(node: str) -> int:
    first = AuditRecord.objects.filter(node=node).aggregate(first=Min("leaf_index"))["first"]
    return int(first or 0)


@transaction.atomic
def _judge_standing(parts: ReviewParts, now: dt.datetime) -> None:
    mark = _take_mark(parts.node)
    judge_copies(parts, mark, now)
    mark.save(update_fields=["seen_leaf", "seen_at"])
    judge_anchors(parts, now)
