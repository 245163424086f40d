"""Pages without a COUNT: each ends with the place where the next one begins.

The place is the sort key of the last row, so a page costs the same however deep it lies, and rows
that arrive in between neither repeat nor hide others.
"""

import base64
import binascii
import datetime as dt
from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

DEFAULT_SIZE = 100
LARGEST_SIZE = 1000
Rows = TypeVar("Rows", bound=QuerySet[Any])


class PlaceInvalidError(ValueError):
    """The text is no place that `place_of` wrote for this order."""


def place_of(row: Any, order: Sequence[str]) -> str:
    """The place behind `row` in a list sorted by `order` (fields, `-` for descending)."""
    values = [getattr(row, name.lstrip("-")) for name in order]
    return _text(values)


def place_before(moment: dt.datetime) -> str:
    """The place in a list by time, node and leaf, newest first, behind which all is older than
    `moment`."""
    return _text([moment, "", -1])


def moment_of(place: str) -> dt.datetime:
    """The time of a place in such a list. Raises PlaceInvalidError."""
    try:
        moment = dt.datetime.fromisoformat(str(orjson.loads(_bytes(place))[0]))
    except (binascii.Error, ValueError, LookupError, TypeError) as error:
        raise PlaceInvalidError(place) from error
    if moment.tzinfo is None:
        raise PlaceInvalidError(place)
    return moment


def behind(rows: Rows, place: str, order: Sequence[str]) -> Rows:
    """The rows behind a place. Raises PlaceInvalidError."""
    values = _values(place, order)
    further, equal = Q(), Q()
    for name, value in zip(order, values, strict=True):
        further |= equal & _compare(name, value)
        equal &= Q(**{name.lstrip("-"): value})
    try:
        # The first condition alone lets the planner use the index and leave partitions out.
        return rows.filter(_compare(order[0], values[0], "e")).filter(further)
    except (TypeError, ValueError, InvalidValue) as error:
        raise PlaceInvalidError(place) from error


def _text(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


def _bytes(place: str) -> bytes:
    return base64.urlsafe_b64decode(place + "=" * (-len(place) % 4))


def _compare(name: str, value: str | int, or_equal: str = "") -> Q:
    direction = "lt" if name.startswith("-") else "gt"
    return Q(**{f"{name.lstrip('-')}__{direction}{or_equal}": value})


def _values(place: str, order: Sequence[str]) -> list[str | int]:
    try:
        values = orjson.loads(_bytes(place))
    except (binascii.Error, ValueError) as error:
        raise PlaceInvalidError(place) from error
    if not isinstance(values, list) or len(values) != len(order):
        raise PlaceInvalidError(place)
    if not all(type(value) in {str, int} for value in values):
        raise PlaceInvalidError(place)
    return values


class KeysetPagination(BasePagination):
    """`?after=<place>&page_size=100`; the answer is `{"next": url or null, "results": [...]}`.

    The order is the view's `ordering`, a tuple of fields that together are unique.
    """

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """One page. Raises ValidationError naming the parameter."""
        order: Sequence[str] = view.ordering  # type: ignore[union-attr]
        rows = queryset.order_by(*order)
        after = request.query_params.get("after")
        if after:
            try:
                rows = behind(rows, after, order)
            except PlaceInvalidError as error:
                raise ValidationError(
                    {"after": _("Not a place in this list. Take it from `next`.")}
                ) from error
        size = page_size(request)
        found = list(rows[: size + 1])
        self._next = self.link(request, place_of(found[size - 1], order) if found[size:] else None)
        return found[:size]

    def link(self, request: Request, place: str | None) -> str | None:
        """The address of the page behind a place."""
        return place and replace_query_param(request.build_absolute_uri(), "after", place)

    def get_paginated_response(self, data: Any) -> Response:
        """The page and the address of the next."""
        return Response({"next": self._next, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """For the OpenAPI document."""
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {"type": "string", "format": "uri", "nullable": True},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, _view: Any) -> list[dict[str, Any]]:
        """For the OpenAPI document."""
        size = {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE, "default": DEFAULT_SIZE}
        return [
            {"name": "after", "in": "query", "required": False, "schema": {"type": "string"}},
            {"name": "page_size", "in": "query", "required": False, "schema": size},
        ]


def page_size(request: Request) -> int:
    """What `page_size` says. Raises ValidationError."""
    text = request.query_params.get("page_size", str(DEFAULT_SIZE))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= LARGEST_SIZE:
        raise ValidationError({"page_size": _("Give a whole number from 1 to 1000.")})
    return int(text)
