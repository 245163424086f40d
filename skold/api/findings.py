"""Findings over HTTP: listed, read, and reviewed. They hold nothing that identifies persons; the
records they name may."""

from typing import Any

import django_filters
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from skold.api.guard import GuardedView
from skold.api.pagination import KeysetPagination
from skold.models import Finding, Review
from skold.review import VERDICTS, review


class ReviewSerializer(serializers.ModelSerializer[Review]):
    """A verdict. It is added, never changed; the newest one counts."""

    verdict = serializers.ChoiceField(choices=VERDICTS)

    class Meta:
        model = Review
        fields = ["verdict", "comment", "by", "at"]
        read_only_fields = ["by", "at"]


class FindingSerializer(serializers.ModelSerializer[Finding]):
    """What a rule noticed, with its verdicts, oldest first. `facts.records` name records of the
    audit, `node:leaf`."""

    reviews = ReviewSerializer(many=True, read_only=True)

    class Meta:
        model = Finding
        fields = [
            *("id", "rule", "severity", "client", "node", "since", "until", "count", "facts"),
            *("found_at", "verdict", "reviews"),
        ]
        read_only_fields = fields


class FindingFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no types
    """By what it is, and by whether somebody has looked at it."""

    class Meta:
        model = Finding
        fields = ["verdict", "rule", "severity", "client", "node"]


@extend_schema_view(
    list=extend_schema(summary="Findings of the review, newest first"),
    retrieve=extend_schema(summary="One finding with its verdicts"),
)
class FindingViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Finding],
):
    """What the rules of the review noticed in the audit, for whoever may read all of it."""

    gate_actions = dict.fromkeys(("list", "retrieve", "review"), "audit")
    queryset = Finding.objects.prefetch_related("reviews")
    serializer_class = FindingSerializer
    pagination_class = KeysetPagination
    ordering = ("-found_at", "-id")
    filter_backends = [DjangoFilterBackend]
    filterset_class = FindingFilter
    lookup_value_regex = r"[0-9]{1,18}"

    @extend_schema(request=ReviewSerializer, responses={201: ReviewSerializer})
    @action(detail=True, methods=["post"])
    def review(self, request: Request, **_kwargs: Any) -> Response:
        """Add a verdict: harmless, watched or incident, and why."""
        given = ReviewSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        finding: Finding = self.get_object()
        said = review(actor=self.actor, finding=finding, **given.validated_data)
        self.access.made = f"finding:{finding.pk}"
        self.access.said["verdict"] = said.verdict
        self.access.said_privately["comment"] = said.comment
        return Response(ReviewSerializer(said).data, status=status.HTTP_201_CREATED)
