"""What people search the audit by. Each parameter has an index."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from skold.models import Action, ApiKey, AuditRecord, Client, Grant, UrlKey


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    """All given parameters hold at once. Without `kind`, `status` or `outcome` every record."""

    since = django_filters.IsoDateTimeFilter("at", "gte", label=_("From this time on"))
    until = django_filters.IsoDateTimeFilter("at", "lt", label=_("Before this time"))
    kind = django_filters.ChoiceFilter(
        choices=[(kind, kind) for kind in ("req", "done", "open", "close")]
    )
    plane = django_filters.ChoiceFilter(choices=[("data", "data"), ("control", "control")])
    client = django_filters.CharFilter()
    collection = django_filters.CharFilter()
    action = django_filters.ChoiceFilter(choices=Action.choices)
    decision = django_filters.ChoiceFilter(choices=[("allow", "allow"), ("refuse", "refuse")])
    request_id = django_filters.CharFilter()
    address = django_filters.CharFilter(label=_("Address of the file, 32 hex digits"))
    status = django_filters.NumberFilter(method="filter_end", min_value=100, max_value=599)
    outcome = django_filters.CharFilter(method="filter_end")
    writer = django_filters.CharFilter()
    node = django_filters.CharFilter()

    class Meta:
        model = AuditRecord
        fields: list[str] = []

    def filter_end(
        self, rows: QuerySet[AuditRecord], name: str, value: Any
    ) -> QuerySet[AuditRecord]:
        """Only the end of a request has a status and an outcome; its index covers no others."""
        return rows.filter(kind="done", **{name: value})


class ApiKeyFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Keys of one client."""

    class Meta:
        model = ApiKey
        fields = ["client"]


class UrlKeyFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Signing keys of one client."""

    class Meta:
        model = UrlKey
        fields = ["client"]


class GrantFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Grants of one client, or in one collection."""

    class Meta:
        model = Grant
        fields = ["client", "collection"]


class ClientFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Clients that may call, or may not."""

    class Meta:
        model = Client
        fields = ["enabled"]
