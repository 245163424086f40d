"""The audit's list without a COUNT and without an OFFSET: each page begins where the last one
ended.

An access is shown as one row with both its halves. The page's rows are `req` records and their ends
are fetched with one more query, or the other way round where the search is for a status.
"""

from collections.abc import Iterable
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from skold.api.pagination import PlaceInvalidError, behind, place_of
from skold.models import AuditRecord

ORDER = ("-at", "-node", "-leaf_index")
BEFORE = "before"


class CountlessPaginator(Paginator):  # type: ignore[type-arg]
    """Holds one page that was read already; unfold draws its links with our template."""

    template_name = "admin/skold/auditrecord/pagination.html"


class AuditChangeList(ChangeList):  # type: ignore[misc]
    """`older` is the place where the next page begins, None at the end."""

    older: str | None = None

    def get_filters_params(self, params: Any = None) -> Any:
        """The place is no filter."""
        lookups = super().get_filters_params(params)
        lookups.pop(BEFORE, None)
        return lookups

    def get_ordering(self, _request: HttpRequest, _queryset: Any) -> list[str]:
        """One order only: the one that the index has."""
        return list(ORDER)

    def get_results(self, request: HttpRequest) -> None:
        """Read a page and one row more, then the other halves."""
        rows: QuerySet[AuditRecord] = self.queryset.defer("body")
        self.before = request.GET.get(BEFORE)
        if self.before:
            try:
                rows = behind(rows, self.before, ORDER)
            except PlaceInvalidError:
                self.before = None
        found = list(rows[: self.list_per_page + 1])
        page = found[: self.list_per_page]
        self.older = place_of(page[-1], ORDER) if len(found) > len(page) else None
        join_halves(page)
        self.paginator = CountlessPaginator(page, max(1, self.list_per_page))
        self.result_list, self.result_count = page, len(page)
        # Equal, so that no page speaks of a total that nobody has counted.
        self.full_result_count, self.show_full_result_count = len(page), False
        self.show_admin_actions, self.can_show_all, self.multi_page = False, False, False

    @property
    def older_url(self) -> str | None:
        """The next page, of records before these."""
        return self.get_query_string({BEFORE: self.older}) if self.older else None

    @property
    def newest_url(self) -> str | None:
        """The first page; None there."""
        return self.get_query_string(remove=[BEFORE]) if self.before else None


def join_halves(rows: Iterable[AuditRecord]) -> None:
    """Give each row `request` and `end`: itself and its other half, None where there is none
    yet."""
    requests = {(row.writer, row.n): row for row in rows if row.kind == "req"}
    ends = {(row.writer, row.ref): row for row in rows if row.kind == "done"}
    found_ends = {(row.writer, row.ref): row for row in _fetch("done", "ref", requests)}
    found_requests = {(row.writer, row.n): row for row in _fetch("req", "n", ends)}
    for row in rows:
        given: Any = row
        given.request = row if row.kind == "req" else found_requests.get((row.writer, row.ref or 0))
        given.end = row if row.kind == "done" else found_ends.get((row.writer, row.n))


def _fetch(kind: str, field: str, places: Any) -> Iterable[AuditRecord]:
    """The records of a kind whose `field` continues one of `places` (writer, number)."""
    if not places:
        return []
    numbers: dict[str, list[int]] = {}
    for writer, number in places:
        numbers.setdefault(writer, []).append(number)
    wanted = Q()
    for writer, given in numbers.items():
        wanted |= Q(writer=writer, **{f"{field}__in": given})
    earliest = min(row.at for row in places.values())
    latest = max(row.at for row in places.values())
    bound = Q(at__gte=earliest) if kind == "done" else Q(at__lte=latest)
    return AuditRecord.objects.filter(wanted, bound, kind=kind).defer("body").order_by()
