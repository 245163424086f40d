"""Years and storage roots: facts of the disk, so they are read only here."""

from typing import ClassVar

from rest_framework import mixins, viewsets

from contentserver.api.serializers import RootSerializer, YearSerializer
from contentserver.catalog.models import StorageRoot, Year
from skold.api.guard import GuardedView


class YearViewSet(GuardedView, mixins.ListModelMixin, viewsets.GenericViewSet[Year]):
    """Where each year lies and what it takes; a year that is being moved has two rows."""

    queryset = Year.objects.all()
    serializer_class = YearSerializer
    pagination_class = None
    filterset_fields: ClassVar[list[str]] = ["year", "state"]
    gate_actions: ClassVar = {"list": "list"}


class RootViewSet(GuardedView, mixins.ListModelMixin, viewsets.GenericViewSet[StorageRoot]):
    """Storage roots of every node, with the room on them as it was seen last."""

    queryset = StorageRoot.objects.all()
    serializer_class = RootSerializer
    pagination_class = None
    filterset_fields: ClassVar[list[str]] = ["node", "present"]
    gate_actions: ClassVar = {"list": "administer"}
