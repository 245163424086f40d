"""What the audit's list is searched by. Every filter has an index, none counts; what each means is
said once, in skold.listing.conditions.
"""

import contextlib
import datetime as dt
import ipaddress
from collections.abc import Iterator
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RangeDateTimeFilter, TextFilter

from skold.listing import conditions
from skold.listing.pages import Span
from skold.models import Action
from skold.models.audit import AuditQuerySet


def asked_of(request: HttpRequest) -> dict[str, str]:
    """The filters of this page that are given, by name; the time is not among them."""
    given = {name: request.GET.get(name, "").strip() for name in conditions.NAMES}
    return {name: value for name, value in given.items() if value}


class PeriodFilter(RangeDateTimeFilter):  # type: ignore[misc]
    """From and to; a missing time of day is its begin or end. In the institution's time zone."""

    def queryset(self, _request: HttpRequest, rows: AuditQuerySet) -> AuditQuerySet:
        span = self.span
        if span.since is not None:
            rows = rows.filter(at__gte=span.since)
        if span.until is not None:
            rows = rows.filter(at__lte=span.until)
        return rows

    @property
    def span(self) -> Span:
        """The time that is asked for."""
        return Span(self._moment("from", dt.time.min), self._moment("to", dt.time.max))

    def _moment(self, end: str, time_of_day: dt.time) -> dt.datetime | None:
        given = self.used_parameters
        try:
            day = dt.date.fromisoformat(given.get(f"at_{end}_0") or "")
        except ValueError:
            return None
        with contextlib.suppress(ValueError):
            time_of_day = dt.time.fromisoformat(given.get(f"at_{end}_1") or "")
        return timezone.make_aware(dt.datetime.combine(day, time_of_day.replace(tzinfo=None)))


class Heading(SimpleListFilter):
    """No filter: the name of those below it."""

    template = "admin/skold/auditrecord/filter_heading.html"
    parameter_name = "heading"

    def has_output(self) -> bool:
        return True

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[Any]:
        return []

    def expected_parameters(self) -> list[str | None]:
        """None: whatever an address says of headings is an unknown parameter."""
        return []

    def queryset(self, _request: HttpRequest, rows: Any) -> Any:
        return rows

    def choices(self, _changelist: Any) -> Iterator[Any]:
        yield {}


def heading(text: Any) -> type[Heading]:
    """A heading between filters."""
    return type("Heading", (Heading,), {"title": text})


class ExactFilter(TextFilter):  # type: ignore[misc]
    """A text that must be equal: only that is served by an index."""

    def queryset(self, request: HttpRequest, rows: AuditQuerySet) -> AuditQuerySet:
        asked = asked_of(request)
        name = str(self.parameter_name)
        if name not in asked:
            return rows
        value = self.parse(asked[name])
        return rows.none() if value is None else conditions.narrow(rows, name, value, asked)

    def parse(self, text: str) -> Any:
        """The value that is meant; None for what no record can have."""
        return text


class ClientFilter(ExactFilter):
    title, parameter_name = _("client"), "client"


class CredentialFilter(ExactFilter):
    """The identifier of an API key or signing key, never its secret."""

    title, parameter_name = _("credential"), "credential"


class EndUserFilter(ExactFilter):
    title, parameter_name = _("person"), "end_user"


class NetworkFilter(ExactFilter):
    """As a record spells it: an IPv6 address in its short form."""

    title, parameter_name = _("IP address"), "network"

    def parse(self, text: str) -> str:
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            return text  # of a flood a network is recorded, not an address


class CollectionFilter(ExactFilter):
    title, parameter_name = _("collection"), "collection"


class KeyFilter(ExactFilter):
    """By what the key leads to, so that it is found when it was redacted."""

    title, parameter_name = _("key"), "key"


class VersionFilter(ExactFilter):
    title, parameter_name = _("version"), "version"


class AddressFilter(ExactFilter):
    title, parameter_name = _("address of the file"), "address"

    def parse(self, text: str) -> str:
        return text.lower()


class ReasonFilter(ExactFilter):
    """The code, such as `no_grant`."""

    title, parameter_name = _("reason"), "reason"


class StatusFilter(ExactFilter):
    title, parameter_name = _("status"), "status"

    def parse(self, text: str) -> int | None:
        return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else None


class OutcomeFilter(ExactFilter):
    """`served`, `broken_off`, or the problem that was answered, such as `not_found`."""

    title, parameter_name = _("outcome"), "outcome"


class RequestIdFilter(ExactFilter):
    title, parameter_name = _("request id"), "request_id"


class NodeFilter(ExactFilter):
    title, parameter_name = _("node"), "node"


class WriterFilter(ExactFilter):
    title, parameter_name = _("writer"), "writer"


class ChoiceFilter(DropdownFilter):  # type: ignore[misc]
    """One of a few words."""

    words: tuple[tuple[str, Any], ...] = ()

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return list(self.words)

    def queryset(self, request: HttpRequest, rows: AuditQuerySet) -> AuditQuerySet:
        value = self.value()
        if value not in dict(self.words):
            return rows
        return conditions.narrow(rows, str(self.parameter_name), value, asked_of(request))


class ActionFilter(ChoiceFilter):
    title, parameter_name = _("action"), "action"
    words = tuple(Action.choices)


class DecisionFilter(ChoiceFilter):
    title, parameter_name = _("decision"), "decision"
    words = (("allow", _("allowed")), ("refuse", _("refused")))


class PlaneFilter(ChoiceFilter):
    title, parameter_name = _("plane"), "plane"
    words = (("data", _("files")), ("control", _("administration")))


class RecordFilter(ChoiceFilter):
    """Without a choice: accesses, one row each."""

    title, parameter_name = _("records"), "kind"
    all_option = ["", _("Accesses")]
    words = (
        ("open", _("Writers: begun")),
        ("close", _("Writers: ended")),
        ("flood", _("Refusals that were only counted")),
        (conditions.EVERY, _("Every record")),
    )

    def queryset(self, request: HttpRequest, rows: AuditQuerySet) -> AuditQuerySet:
        asked = asked_of(request)
        if self.value() in dict(self.words):
            return super().queryset(request, rows)
        return conditions.of_kind(rows, {**asked, "kind": ""})


FILTERS: list[Any] = [
    heading(_("When")),
    ("at", PeriodFilter),
    heading(_("Who")),
    EndUserFilter,
    ClientFilter,
    CredentialFilter,
    NetworkFilter,
    heading(_("What")),
    CollectionFilter,
    KeyFilter,
    VersionFilter,
    AddressFilter,
    ActionFilter,
    heading(_("What became of it")),
    DecisionFilter,
    ReasonFilter,
    StatusFilter,
    OutcomeFilter,
    heading(_("Where it is recorded")),
    RequestIdFilter,
    PlaneFilter,
    NodeFilter,
    WriterFilter,
    RecordFilter,
]
