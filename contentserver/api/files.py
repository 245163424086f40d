"""Files and their versions: searched in the catalog, fetched from the data plane."""

import uuid
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from contentserver.api.filters import FileFilter
from contentserver.api.permissions import KeyPermission
from contentserver.api.problems import LinkUnavailable
from contentserver.api.serializers import FileSerializer, VersionSerializer
from contentserver.catalog.links import NotAcceptedError, redirect_to, signed_url
from contentserver.catalog.models import File
from contentserver.store.address import Version
from contentserver.store.errors import BadMetadata
from skold.api.authentication import ApiUser
from skold.api.guard import GuardedView
from skold.api.pagination import KeysetPagination
from skold.years import Years

DISPOSITIONS = ("attachment", "inline")
Rows = TypeVar("Rows", bound=QuerySet[Any])


ADDRESS = OpenApiParameter(
    "id",
    {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    OpenApiParameter.PATH,
    description="The file's address: 32 hex digits.",
)


@extend_schema_view(retrieve=extend_schema(parameters=[ADDRESS]))
class FileViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[File],
):
    """Files with the facts of their latest version, newest first.

    A grant that reaches one collection, or a prefix of it, answers when `collection` (and `prefix`)
    are named; without them the grant must cover all collections. Everything else is 404.
    """

    queryset = File.objects.all()
    serializer_class = FileSerializer
    filterset_class = FileFilter
    pagination_class = KeysetPagination
    permission_classes = [KeyPermission]
    ordering = ("-committed_at", "-id")
    lookup_value_regex = "[0-9a-f]{32}"
    gate_actions: ClassVar = {
        "list": "list",
        "retrieve": "list",
        "versions": "list",
        "content": "read",
    }
    query_parameters: ClassVar = {"content": ("version", "disposition")}

    def gate_also(self) -> tuple[str, ...]:
        """A link is signed in the name of the caller, who must be allowed to sign."""
        return ("sign",) if self.action == "content" else ()

    def gate_target(self, request: Request) -> tuple[str | None, str | None]:
        """The file; for a search the collection, and what all keys found begin with."""
        if self.detail:
            return self.file.collection, self.file.key
        query = request.query_params
        return query.get("collection") or None, query.get("key") or query.get("prefix") or None

    def gate_year(self, request: Request) -> int | None:
        """That of the version asked for, else of the latest; lists are held against all years."""
        if self.action == "retrieve":
            return self.file.year
        return _year_asked(request, self.file) if self.action == "content" else None

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Files whose latest version is of a year that the grants reach."""
        return of_years(super().filter_queryset(queryset), self.access.years)

    def get_object(self) -> File:
        return self.file

    @cached_property
    def file(self) -> File:
        """The file that the address names, looked up once. Raises NotFound."""
        found = File.objects.filter(pk=uuid.UUID(self.kwargs["pk"])).first()
        if found is None:
            raise NotFound
        return found

    @extend_schema(parameters=[ADDRESS], responses=VersionSerializer(many=True))
    @action(detail=True, pagination_class=KeysetPagination, filterset_class=None)
    def versions(self, _request: Request, **_kwargs: Any) -> Response:
        """Versions of the file, newest first, delete markers among them."""
        self.ordering = ("-year", "-number")
        rows: QuerySet[Any] = of_years(self.file.versions.all(), self.access.years)
        if self.access.years is not None and not rows.exists():
            raise NotFound
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(VersionSerializer(page, many=True).data)

    @extend_schema(
        parameters=[
            ADDRESS,
            OpenApiParameter(
                "version", OpenApiTypes.STR, description="Exactly this version, year.number."
            ),
            OpenApiParameter("disposition", OpenApiTypes.STR, enum=DISPOSITIONS),
        ],
        responses={
            307: OpenApiResponse(description="A signed URL of the data plane, good for a minute.")
        },
    )
    @action(detail=True, pagination_class=None, filterset_class=None)
    def content(self, request: Request, **_kwargs: Any) -> HttpResponse:
        """Where the bytes are: the data plane, which judges and records the reading itself."""
        assert isinstance(request.user, ApiUser)
        principal = request.user.principal
        try:
            url = signed_url(
                actor=self.actor,
                client=principal.client,
                file=self.file,
                address=request.META["REMOTE_ADDR"],
                end_user=principal.end_user,
                version=request.query_params.get("version"),
                disposition=request.query_params.get("disposition"),
            )
        except NotAcceptedError as error:
            raise LinkUnavailable from error
        return redirect_to(url)


def _year_asked(request: Request, file: File) -> int:
    """Of the version that the parameter names, else of the latest. Text that names none is told so
    only where the caller may know the latest."""
    text = request.query_params.get("version")
    try:
        return file.year if text is None else Version.parse(text).year
    except BadMetadata:
        return file.year


def of_years(rows: Rows, years: Years | None) -> Rows:
    """Those whose field `year` the grants reach."""
    if years is None:
        return rows
    wanted = Q(pk__in=())
    for span in years.spans:
        wanted |= Q(year__range=(span.first, span.last))
    return rows.filter(wanted)
