"""What lists are searched by. Each parameter has an index."""

from typing import Any

import django_filters
from django.utils.translation import gettext_lazy as _

from skold.listing import conditions
from skold.listing.pages import Span
from skold.models import Action, ApiKey, AuditRecord, Client, Grant, UrlKey
from skold.models.audit import AuditQuerySet


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    """All given parameters hold at once. Without `kind` the rows are requests, or their ends where
    a status or an outcome is asked for.
    """

    since = django_filters.IsoDateTimeFilter(label=_("From this time on"))
    until = django_filters.IsoDateTimeFilter(label=_("Before this time"))
    kind = django_filters.ChoiceFilter(choices=[(kind, kind) for kind in conditions.KINDS])
    plane = django_filters.ChoiceFilter(choices=[("data", "data"), ("control", "control")])
    client = django_filters.CharFilter()
    credential = django_filters.CharFilter(label=_("Identifier of an API key or other credential"))
    end_user = django_filters.CharFilter(label=_("The person, exactly as named by the client"))
    network = django_filters.CharFilter(label=_("IP address of the caller"))
    collection = django_filters.CharFilter()
    key = django_filters.CharFilter(
        label=_("Key of a file, of the collection or of all; found after it was redacted, too")
    )
    address = django_filters.CharFilter(label=_("Address of the file, 32 hex digits"))
    version = django_filters.CharFilter()
    action = django_filters.ChoiceFilter(choices=Action.choices)
    decision = django_filters.ChoiceFilter(choices=[("allow", "allow"), ("refuse", "refuse")])
    reason = django_filters.CharFilter(label=_("Why it was allowed or refused, as no_grant"))
    status = django_filters.NumberFilter(min_value=100, max_value=599)
    outcome = django_filters.CharFilter(label=_("served, broken_off, or the problem's name"))
    request_id = django_filters.CharFilter()
    writer = django_filters.CharFilter()
    node = django_filters.CharFilter()

    class Meta:
        model = AuditRecord
        fields: list[str] = []

    @property
    def asked(self) -> dict[str, Any]:
        """The filters that are given, by name; the time is not among them."""
        values = self.form.cleaned_data
        return {name: values[name] for name in conditions.NAMES if values[name] not in {None, ""}}

    @property
    def span(self) -> Span:
        """The time that is asked for."""
        return Span(self.form.cleaned_data["since"], self.form.cleaned_data["until"])

    def filter_queryset(self, rows: AuditQuerySet) -> AuditQuerySet:
        """What is asked for; of every kind where none is named."""
        span, asked = self.span, self.asked
        if span.since:
            rows = rows.filter(at__gte=span.since)
        if span.until:
            rows = rows.filter(at__lt=span.until)
        for name, value in asked.items():
            rows = conditions.narrow(rows, name, value, asked)
        return rows


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
