"""Lists of big tables: pages by keyset, never a COUNT, never an OFFSET."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from skold.admin.shown import ShownOnly
from skold.api.pagination import PlaceInvalidError, behind, place_of

PLACE = "after"


class CountlessPaginator(Paginator):  # type: ignore[type-arg]
    """Holds one page that was read already; unfold draws its links with our template."""

    template_name = "admin/contentserver/pagination.html"


class KeysetChangeList(ChangeList):  # type: ignore[misc]
    """Pages in the order of the admin's `keyset`; `place` is where the next one begins."""

    place: str | None = None
    after: str | None = None

    def get_filters_params(self, params: Any = None) -> Any:
        """The place is no filter."""
        lookups = super().get_filters_params(params)
        lookups.pop(PLACE, None)
        return lookups

    def get_ordering(self, _request: HttpRequest, _queryset: Any) -> list[str]:
        """One order only: the one that every index ends in."""
        return list(self.model_admin.keyset)

    def get_results(self, request: HttpRequest) -> None:
        """Read a page and one row more."""
        keyset = self.model_admin.keyset
        rows: QuerySet[Any] = self.queryset
        self.after = request.GET.get(PLACE)
        if self.after:
            try:
                rows = behind(rows, self.after, keyset)
            except PlaceInvalidError:
                self.after = None
        found = list(rows[: self.list_per_page + 1])
        page = found[: self.list_per_page]
        self.place = place_of(page[-1], keyset) if len(found) > len(page) else None
        self.paginator = CountlessPaginator(page, max(1, self.list_per_page))
        self.result_list, self.result_count = page, len(page)
        # Equal, so that no page speaks of a total that nobody has counted.
        self.full_result_count, self.show_full_result_count = len(page), False
        self.show_admin_actions, self.can_show_all, self.multi_page = False, False, False

    @property
    def next_url(self) -> str | None:
        """The next page; None on the last."""
        return self.get_query_string({PLACE: self.place}) if self.place else None

    @property
    def first_url(self) -> str | None:
        """The first page; None on it."""
        return self.get_query_string(remove=[PLACE]) if self.after else None


class ReadOnlyAdmin(ShownOnly, ModelAdmin):  # type: ignore[misc]
    """Facts of the disk: whoever may view them can do nothing else."""

    actions = None
    show_full_result_count = False


class KeysetAdmin(ReadOnlyAdmin):
    """A read-only list of a big table; `keyset` ends in a unique column."""

    keyset: tuple[str, ...]
    list_per_page = 50
    list_fullwidth = True
    list_filter_submit = True
    sortable_by: list[str] = []

    def get_changelist(self, _request: HttpRequest, **_kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList
