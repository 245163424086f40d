"""The change feed: for each node the versions that became known there, numbered without gaps."""

from dataclasses import replace
from typing import ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contentserver.api.problems import FeedRenewedProblem
from contentserver.api.serializers import ChangesSerializer
from contentserver.catalog.feed import FeedRenewed, NoCursor, read_feed
from skold.api.guard import GuardedView
from skold.api.pagination import DEFAULT_SIZE, LARGEST_SIZE

SIZE = "page_size"


class ChangesView(GuardedView, APIView):
    """GET /api/v1/changes?after="""

    gate_actions: ClassVar = {"get": "list"}
    by_year = True
    query_parameters: ClassVar = {"get": ("after", SIZE)}

    @extend_schema(
        operation_id="changes_list",
        parameters=[
            OpenApiParameter(
                "after",
                OpenApiTypes.STR,
                description="`after` of the last answer; leave it out to begin at the beginning.",
            ),
            OpenApiParameter(
                SIZE,
                {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": LARGEST_SIZE,
                    "default": DEFAULT_SIZE,
                },
            ),
        ],
        responses=ChangesSerializer,
    )
    def get(self, request: Request) -> Response:
        """The next changes of every node, each node's in the order of its numbers.

        Nothing that has a number appears later below it, so a reader that keeps `after` misses
        nothing and sees nothing twice. 410 says that the feed was numbered anew. Versions of
        years that the caller's grants do not reach are left out.
        """
        try:
            page = read_feed(request.query_params.get("after", ""), limit=_size(request))
        except NoCursor as error:
            raise ValidationError(
                {"after": _("Not a place in this feed. Use the `after` of an earlier answer.")}
            ) from error
        except FeedRenewed as error:
            raise FeedRenewedProblem from error
        if self.access.years is not None:
            reached = [each for each in page.results if each.version.year in self.access.years]
            page = replace(page, results=reached)
        return Response(ChangesSerializer(page).data)


def _size(request: Request) -> int:
    text = request.query_params.get(SIZE, str(DEFAULT_SIZE))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= LARGEST_SIZE:
        raise ValidationError({SIZE: _("Give a whole number from 1 to 1000.")})
    return int(text)
