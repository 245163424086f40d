"""The audit over HTTP: searched and read, never written."""

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.request import Request

from skold.api import filters, serializers
from skold.api.audit_pages import AuditFilterBackend, AuditPagination
from skold.api.guard import GuardedView
from skold.models import AuditRecord


@extend_schema_view(
    list=extend_schema(summary="Records of accesses, newest first"),
    retrieve=extend_schema(summary="One record, by node and leaf"),
)
class AuditViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[AuditRecord],
):
    """Records of every access, newest first: a request each, its end where a status or an outcome
    is asked for, all records with `?kind=every`. Whoever may read the audit of one collection only
    names it: `?collection=photos`.

    Where several filters together take long, a page ends early: `searched_to` is how far back it
    looked, and `next` goes on there, even if `results` is empty.
    """

    gate_actions = dict.fromkeys(("list", "retrieve"), "audit")
    query_parameters = {"retrieve": tuple(filters.AuditFilter.base_filters)}
    queryset = AuditRecord.objects.all()
    serializer_class = serializers.AuditRecordSerializer
    pagination_class = AuditPagination
    filter_backends = [AuditFilterBackend]
    filterset_class = filters.AuditFilter
    lookup_value_regex = r"[a-z0-9.-]+:[0-9]+"

    def gate_collection(self, request: Request) -> str | None:
        """The collection whose records alone will be shown."""
        return request.query_params.get("collection") or None

    def get_object(self) -> AuditRecord:
        """One record by `node:leaf`, within what the filters leave. Raises Http404."""
        rows: QuerySet[AuditRecord] = AuditRecord.objects.at_position(self.kwargs["pk"])
        record: AuditRecord | None = self.filter_queryset(rows).first()
        if record is None:
            raise Http404
        return record
