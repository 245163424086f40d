"""Collections and their rules."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from contentserver.api.serializers import CollectionChangeSerializer, CollectionSerializer
from contentserver.catalog.models import Collection
from contentserver.catalog.services import change_collection, create_collection, delete_collection
from skold.api.guard import GuardedView
from skold.api.pagination import KeysetPagination


class CollectionViewSet(GuardedView, viewsets.ModelViewSet[Collection]):
    """A change of the rules reaches the data plane with the next policy, within a second."""

    queryset: QuerySet[Collection] = Collection.objects.all()
    pagination_class = KeysetPagination
    ordering = ("name",)
    lookup_value_regex = "[a-z0-9][a-z0-9_-]{0,63}"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    filterset_fields: ClassVar[list[str]] = []
    by_year = True  # rules are of no year
    gate_actions: ClassVar = {
        "list": "list",
        "retrieve": "list",
        "create": "administer",
        "update": "administer",
        "partial_update": "administer",
        "destroy": "administer",
    }

    def gate_collection(self, _request: Request) -> str | None:
        """Whoever may list a collection may read its rules; changing them is the institution's."""
        name: str | None = self.kwargs.get("pk") if self.action == "retrieve" else None
        return name

    def get_serializer_class(self) -> type[BaseSerializer[Collection]]:
        return (
            CollectionChangeSerializer if self.action == "partial_update" else CollectionSerializer
        )

    def perform_create(self, serializer: BaseSerializer[Collection]) -> None:
        rules = dict(serializer.validated_data)
        serializer.instance = create_collection(
            actor=self.actor, name=rules.pop("name"), rules=rules
        )

    def perform_update(self, serializer: BaseSerializer[Collection]) -> None:
        assert serializer.instance is not None
        changes: dict[str, Any] = dict(serializer.validated_data)
        serializer.instance = change_collection(
            actor=self.actor, collection=serializer.instance, changes=changes
        )

    def perform_destroy(self, instance: Collection) -> None:
        delete_collection(actor=self.actor, collection=instance)
