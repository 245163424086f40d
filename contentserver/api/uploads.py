"""Uploads in progress on every node, as its bridge saw them last: facts, so they are read only."""

from typing import ClassVar

from rest_framework import mixins, serializers, viewsets

from contentserver.catalog.staged import UploadInProgress
from skold.api.guard import GuardedView
from skold.api.pagination import KeysetPagination


class UploadSerializer(serializers.ModelSerializer[UploadInProgress]):
    """Sizes are bytes. `held` is what the upload keeps on the disk, room for the rest included."""

    state = serializers.ChoiceField(UploadInProgress.State.choices, read_only=True)

    class Meta:
        model = UploadInProgress
        fields = (
            "id", "node", "root", "client", "collection", "length", "offset", "held", "state",
            "commit_auto", "created_at", "expires_at", "seen_at",
        )  # fmt: skip
        read_only_fields = fields


class UploadViewSet(GuardedView, mixins.ListModelMixin, viewsets.GenericViewSet[UploadInProgress]):
    """Uploads that are not committed, oldest first; at most a thousand of each node.

    They are as the bridge saw them some seconds ago. Keys of files are not told. Who sends an
    upload asks the upload itself: HEAD `/v1/uploads/{id}`.
    """

    queryset = UploadInProgress.objects.all()
    serializer_class = UploadSerializer
    pagination_class = KeysetPagination
    ordering = ("created_at", "id")
    filterset_fields: ClassVar[list[str]] = ["node", "client", "collection"]
    gate_actions: ClassVar = {"list": "administer"}
