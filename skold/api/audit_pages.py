"""The audit's filters and pages over HTTP, as skold.listing reads them."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from skold.api.pagination import KeysetPagination, PlaceInvalidError, page_size
from skold.listing.conditions import lead_of, of_kind
from skold.listing.pages import SearchTooWide, read_page


class SearchUnanswered(APIException):
    """These filters together cannot be answered in time."""

    status_code = 503
    default_detail = _("This search takes too long. Give a shorter time, or one filter more.")
    default_code = "search_too_wide"


class AuditFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """Leaves the filterset with the view: pages are read by what is asked for."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Raises ValidationError naming the parameters that are wrong."""
        rows = super().filter_queryset(request, queryset, view)
        view.search = self.get_filterset(request, queryset, view)
        view.search.is_valid()
        return rows


class AuditPagination(KeysetPagination):
    """Pages by `after` and `page_size`. `searched_to` is the time down to which was searched where
    a page ended for lack of time; `next` goes on there.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """One page. Raises ValidationError naming the parameter, SearchUnanswered."""
        asked, span = view.search.asked, view.search.span
        try:
            page = read_page(
                of_kind(queryset, asked),
                size=page_size(request),
                lead=lead_of(asked),
                before=request.query_params.get("after"),
                span=span,
            )
        except PlaceInvalidError as error:
            raise ValidationError(
                {"after": _("Not a place in this list. Take it from `next`.")}
            ) from error
        except SearchTooWide as error:
            raise SearchUnanswered from error
        self._next = self.link(request, page.older)
        self._searched_to = page.searched_to
        return page.rows

    def get_paginated_response(self, data: Any) -> Response:
        """The page, the address of the next, and how far was searched."""
        return Response({"next": self._next, "searched_to": self._searched_to, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """For the OpenAPI document."""
        page = super().get_paginated_response_schema(schema)
        page["required"] = ["next", "searched_to", "results"]
        page["properties"]["searched_to"] = {
            "type": "string",
            "format": "date-time",
            "nullable": True,
        }
        return page
