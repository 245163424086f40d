"""Refusals of one end user, credential or network in a row; credentials that were guessed.

Each refusal belongs to the narrowest actor that makes a streak: what an end user's finding holds is
not told again of the credential, nor of the network.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from skold.flood import network_of
from skold.guessing import GUESSES
from skold.models import AuditRecord
from skold.review.span import Span
from skold.review.streaks import Event, Streaks

MOST = 50_000
"""Refusals looked at for a span and the window before it. More are a flood, which is counted."""

Row = AuditRecord


def judge_refusals(span: Span) -> None:
    """Refusals of those who are known, and of networks where nobody said who asks."""
    window = dt.timedelta(minutes=span.thresholds.refusals_minutes)
    streaks = Streaks("refusals", span.thresholds.refusals, window)
    rows = [row for row in _refusals(span, window) if row.reason not in GUESSES]
    rows += [row for row in _floods(span, window) if not _may_guess(row)]
    told: set[str] = set()
    for by in ("end_user", "credential", "network"):
        left = [row for row in rows if row.id not in told]
        told |= _settle(span, streaks, by, left)


def judge_guesses(span: Span) -> None:
    """Bad credentials from one network, floods with the numbers they were counted with."""
    window = dt.timedelta(minutes=span.thresholds.guesses_minutes)
    streaks = Streaks("guessing", span.thresholds.guesses, window)
    rows = [row for row in _refusals(span, window) if row.reason in GUESSES]
    rows += [row for row in _floods(span, window) if _may_guess(row)]
    _settle(span, streaks, "network", rows)


def _settle(span: Span, streaks: Streaks, by: str, rows: Iterable[Row]) -> set[str]:
    """Settle the actors who appear in the span; what came before it only helps to judge them."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        name = ACTORS[by](row)
        if name:
            groups[name].append(row)
    told: set[str] = set()
    for name, given in groups.items():
        if not any(_is_new(span, row) for row in given):
            continue
        events = [Event(row.at, row.id, _weight(row), row.reason or row.kind) for row in given]
        clients = {row.client or "" for row in given}
        client = clients.pop() if len(clients) == 1 else ""
        told |= streaks.settle(f"{by}:{name}", events, client=client, node=span.node, by=by)
    return told


def _refusals(span: Span, window: dt.timedelta) -> list[Row]:
    """Of every node, in the span's time and the window before: an actor may use several."""
    rows = AuditRecord.objects.filter(
        kind="req", decision="refuse", at__gte=span.first_at - window, at__lte=span.last_at
    )
    return list(rows.order_by("-at").defer("body")[:MOST])


def _floods(span: Span, window: dt.timedelta) -> list[Row]:
    """Counts of the span, and those before it that lie in the window."""
    new = list(span.rows.filter(kind="flood"))
    if not new:
        return []
    before = AuditRecord.objects.filter(
        kind="flood", node=span.node, at__gte=span.first_at - window, at__lt=span.first_at
    )
    return new + [row for row in before[:MOST] if not _is_new(span, row)]


def _weight(row: Row) -> int:
    """How many refusals the record stands for."""
    if row.kind != "flood":
        return 1
    try:
        count: Any = orjson.loads(bytes(row.body)).get("count")
    except orjson.JSONDecodeError:
        return 0
    return count if type(count) is int and count > 0 else 0


def _may_guess(flood: Row) -> bool:
    """A flood that says no reason counts as one: it came without a credential that held."""
    return flood.reason is None or flood.reason in GUESSES


def _is_new(span: Span, row: Row) -> bool:
    return row.node == span.node and span.start <= row.leaf_index < span.end


def _private(row: Row, name: str) -> str | None:
    value = row.private.get(name) if isinstance(row.private, dict) else None
    return value if isinstance(value, str) and value else None


def _end_user(row: Row) -> str | None:
    person = _private(row, "end_user")
    return f"{row.client or ''}\n{person}" if person else None


def _credential(row: Row) -> str | None:
    return row.credential


def _network(row: Row) -> str | None:
    address = _private(row, "network")
    judged = row.credential is None or row.kind == "flood" or row.reason in GUESSES
    return network_of(address) if address and judged else None


ACTORS: dict[str, Callable[[Row], str | None]] = {
    "end_user": _end_user,
    "credential": _credential,
    "network": _network,
}
"""The narrowest first."""
