"""Records of the audit as a .zip that proves itself: the same filters as the list."""

from typing import Any

from django.conf import settings
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from skold.api import filters
from skold.api.audit_pages import AuditFilterBackend, SearchUnanswered
from skold.api.guard import GuardedView
from skold.api.tree import LedgerUnavailable, TileRenderer
from skold.control import review_parts
from skold.exporting import ExportError, ExportOptions, Selection, stream_zip
from skold.exporting.download import download
from skold.ledger.bundles import LedgerDamagedError
from skold.listing.conditions import PERSONAL, of_kind
from skold.listing.reading import TookTooLong
from skold.models import AuditRecord
from skold.review.selection import choose


class ZipRenderer(TileRenderer):
    """Only named here, so that `Accept: application/zip` is understood."""

    media_type, format = "application/zip", "zip"


class ExportSerializer(serializers.Serializer[Any]):
    """How the export is to look. `consistent_with`: sizes of older checkpoints that its reader
    holds, so that he can compare them."""

    format = serializers.ChoiceField(choices=["jsonl", "csv"], default="jsonl")
    private = serializers.BooleanField(default=True)
    consistent_with = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=2**53), max_length=100, required=False
    )


class AuditExportViewSet(GuardedView, viewsets.GenericViewSet[AuditRecord]):
    """Exports for auditors."""

    gate_actions = {"export": "audit"}
    queryset = AuditRecord.objects.all()
    pagination_class = None
    filter_backends = [AuditFilterBackend]
    filterset_class = filters.AuditFilter
    renderer_classes = [JSONRenderer, ZipRenderer]

    def gate_collection(self, request: Request) -> str | None:
        """The collection whose records alone will be in it."""
        return request.query_params.get("collection") or None

    @extend_schema(
        summary="Records with what proves them, as a .zip",
        parameters=[OpenApiParameter(name, str) for name in filters.AuditFilter.base_filters],
        request=ExportSerializer,
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    @action(detail=False, methods=["post"])
    def export(self, request: Request) -> HttpResponseBase:
        """All records that the filters leave, each request with its end: at most
        SKOLD_EXPORT_LIMIT accesses, and only those of this node. A selection cannot show that
        nothing was left out; `manage.py export_audit` exports periods without gaps.
        """
        given = ExportSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        leaves = self._leaves(request)
        node = review_parts.get()
        options = ExportOptions(
            format=given.validated_data["format"],
            private=given.validated_data["private"],
            filters=_told(request, private=given.validated_data["private"]),
            made_by=self.actor,
            keys=[str(key) for key in node.verifiers()],
            consistent_with=given.validated_data.get("consistent_with", ()),
        )
        name = f"audit-{node.node}-{timezone.now():%Y%m%d-%H%M%S}.zip"
        chunks = stream_zip(node.ledger, Selection.of(leaves), options)
        try:
            return download(request._request, chunks, name)
        except ExportError as error:  # nothing is signed yet
            raise Http404 from error
        except (LedgerDamagedError, OSError) as error:
            raise LedgerUnavailable from error

    def _leaves(self, request: Request) -> list[int]:
        unknown = sorted(set(request.query_params) - set(filters.AuditFilter.base_filters))
        if unknown:
            text = _("There is no such parameter.")
            raise ValidationError({name: [text] for name in unknown})
        limit = int(settings.SKOLD_EXPORT_LIMIT)
        rows: Any = self.filter_queryset(self.get_queryset())
        try:
            chosen = choose(of_kind(rows, self.search.asked), review_parts.get().node, limit)
        except TookTooLong as error:
            raise SearchUnanswered from error
        if chosen.cut:
            text = _(
                "That is more than %(limit)d accesses. Give a shorter time, or export by command."
            )
            raise ValidationError({"since": [text % {"limit": limit}]})
        return list(chosen.leaves)

    search: Any
    """The filterset; set by the filter backend."""


def _told(request: Request, *, private: bool) -> dict[str, str]:
    """The filters as the export names them; whom they are about only where it names people."""
    personal = set() if private else PERSONAL | {"key"}
    return {
        name: str(request.query_params[name])
        for name in request.query_params
        if name not in personal
    }
