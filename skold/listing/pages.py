"""One page of the audit, newest first, whatever is asked for.

One filter, or none, is answered by one index: it holds the matching rows in the order of the page,
so reading ends with the page, or with the last row that matches.

Filters together have no common index. They are answered from one window of time after the other,
from the newest into the past, each larger than the one before while that is quick. After a second
the page ends with what was found, and says how far back was searched; the next page goes on there.
The same is done where a single filter took too long.
"""

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import dataclass

from skold.api.pagination import behind, moment_of, place_before, place_of
from skold.listing.reading import TookTooLong, bounded
from skold.models import AuditRecord
from skold.models.audit import AuditQuerySet

ORDER = ("-at", "-node", "-leaf_index")
ALONE = 1.0
"""Seconds that a single filter has."""
TOGETHER = 1.0
"""Seconds after which no further window is begun. A web process gives a statement two."""
LEAST = 0.1
"""Seconds that a window has in any case."""
FIRST = dt.timedelta(minutes=1)
QUICK, SLOW = 0.05, 0.25
"""Seconds. After a quick window the next is eight times as large, after a slow one just as
large."""


class SearchTooWide(Exception):
    """Not even the newest minute could be searched in time."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`older` is the place where the next page begins, None at the end. `searched_to`: the page
    ended for lack of time, and everything from this moment on was searched.
    """

    rows: list[AuditRecord]
    older: str | None
    searched_to: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is asked for; `until` and `since` may be missing."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None


def read_page(
    rows: AuditQuerySet,
    *,
    size: int,
    lead: str | None,
    before: str | None = None,
    span: Span = Span(),
) -> AuditPage:
    """The newest `size` rows, or those behind the place `before`. `lead` as conditions.lead_of
    says; `rows` lie in `span` already. Raises PlaceInvalidError, SearchTooWide.
    """
    if before:
        rows = behind(rows, before, ORDER)
        span = Span(span.since, moment_of(before))
    if lead is not None:
        try:
            with bounded(ALONE, in_order=True):
                return _page(_newest(rows, size + 1, lead), size)
        except TookTooLong:
            pass  # part by part, then
    try:
        return _read_windows(rows, size, span)
    except TookTooLong as error:
        raise SearchTooWide from error


def _newest(rows: AuditQuerySet, count: int, lead: str = "") -> list[AuditRecord]:
    """The first `count` rows of ORDER. All have the same `lead`.

    PostgreSQL is asked for the order that the index has, without node and leaf. Rows of the same
    microsecond are put in order here.
    """
    order = (f"-{lead}", "-at") if lead else ("-at",)
    found = list(rows.order_by(*order)[: count + 1])
    if len(found) > count and found[count].at == found[count - 1].at:
        tie = found[count].at
        found = [row for row in found if row.at != tie]
        found += rows.filter(at=tie).order_by(*ORDER)[: count - len(found)]
    found.sort(key=lambda row: (row.at, row.node, row.leaf_index), reverse=True)
    return found[:count]


def _read_windows(rows: AuditQuerySet, size: int, span: Span) -> AuditPage:
    """Raises TookTooLong where not even the first window was read in time."""
    found: list[AuditRecord] = []
    ends = time.monotonic() + TOGETHER
    searched_to: dt.datetime | None = None
    windows = _Windows(span)
    for since, until in windows:
        began = time.monotonic()
        if searched_to is not None and began >= ends:
            return _page(found, size, searched_to)
        window = rows.filter(at__lt=until) if until else rows
        window = window.filter(at__gte=since) if since else window
        try:
            with bounded(max(ends - began, LEAST), in_order=False):
                found += _newest(window, size + 1 - len(found))
        except TookTooLong:
            if searched_to is None:
                raise
            return _page(found, size, searched_to)
        if len(found) > size:
            break
        windows.took(time.monotonic() - began)
        searched_to = since
    return _page(found, size)


class _Windows:
    """From the newest into the past: (since, until), the newest without an end, the last one
    without a beginning.
    """

    def __init__(self, span: Span) -> None:
        now = dt.datetime.now(dt.UTC)
        self._top = min(span.until, now) if span.until else now
        self._last = span.since
        self._width = FIRST

    def took(self, seconds: float) -> None:
        """How long the last one took: the next is as large as that allows."""
        if seconds < QUICK:
            self._width *= 8
        elif seconds < SLOW:
            self._width *= 2

    def __iter__(self) -> Iterator[tuple[dt.datetime | None, dt.datetime | None]]:
        last = max(filter(None, (self._last, _oldest())), default=self._top)
        since, until = self._top - self._width, None
        while since > last:
            yield since, until
            since, until = since - self._width, since
        yield None, until


def _oldest() -> dt.datetime | None:
    """The time of the oldest record of all."""
    with bounded(ALONE, in_order=True):
        return AuditRecord.objects.order_by("at").values_list("at", flat=True).first()


def _page(found: list[AuditRecord], size: int, searched_to: dt.datetime | None = None) -> AuditPage:
    if len(found) > size:
        return AuditPage(found[:size], place_of(found[size - 1], ORDER))
    older = place_before(searched_to) if searched_to else None
    return AuditPage(found, older, searched_to)
