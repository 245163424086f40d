"""The audit's list without a COUNT and without an OFFSET: each page begins where the last one
ended.

An access is shown as one row with both its halves. The page's rows are `req` records and their ends
are fetched with one more query, or the other way round where the search is for a status.
"""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.translation import gettext as _
from unfold.views import ChangeList

from skold.admin.audit_filters import PeriodFilter, asked_of
from skold.api.pagination import PlaceInvalidError
from skold.listing.conditions import lead_of
from skold.listing.halves import join_halves
from skold.listing.pages import ORDER, AuditPage, SearchTooWide, Span, read_page

BEFORE = "before"

__all__ = ["AuditChangeList", "CountlessPaginator", "join_halves"]


class CountlessPaginator(Paginator):  # type: ignore[type-arg]
    """Holds one page that was read already; unfold draws its links with our template."""

    template_name = "admin/skold/auditrecord/pagination.html"


class AuditChangeList(ChangeList):  # type: ignore[misc]
    """`page` is what was read, and how far back."""

    page = AuditPage([], None)

    def get_filters_params(self, params: Any = None) -> Any:
        """The place is no filter."""
        lookups = super().get_filters_params(params)
        lookups.pop(BEFORE, None)
        return lookups

    def get_ordering(self, _request: HttpRequest, _queryset: Any) -> list[str]:
        """One order only: the one that the index has."""
        return list(ORDER)

    def get_results(self, request: HttpRequest) -> None:
        """Read a page, then the other halves."""
        self.before = request.GET.get(BEFORE)
        try:
            self.page = self._read(request)
        except SearchTooWide:
            text = _("This search takes too long. Choose a shorter time, or add another filter.")
            messages.warning(request, text)
        join_halves(self.page.rows)
        rows = self.page.rows
        self.paginator = CountlessPaginator(rows, max(1, self.list_per_page))
        self.result_list, self.result_count = rows, len(rows)
        # Equal, so that no page speaks of a total that nobody has counted.
        self.full_result_count, self.show_full_result_count = len(rows), False
        self.show_admin_actions, self.can_show_all, self.multi_page = False, False, False

    @property
    def older_url(self) -> str | None:
        """The next page, of records before these."""
        older = self.page.older
        return self.get_query_string({BEFORE: older}) if older else None

    @property
    def newest_url(self) -> str | None:
        """The first page; None there."""
        return self.get_query_string(remove=[BEFORE]) if self.before else None

    def _read(self, request: HttpRequest) -> AuditPage:
        asked = asked_of(request)
        if self.query:
            # What the search box finds is one access; with any filter it is a combination.
            asked |= {"request_id": self.query}
        spans = [spec.span for spec in self.filter_specs if isinstance(spec, PeriodFilter)]
        span = spans[0] if spans else Span()
        rows = self.queryset.defer("body")
        size, lead = self.list_per_page, lead_of(asked)
        try:
            return read_page(rows, size=size, lead=lead, before=self.before, span=span)
        except PlaceInvalidError:
            self.before = None
            return read_page(rows, size=size, lead=lead, span=span)
