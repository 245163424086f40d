"""What the audit's list is searched by. Every filter has an index, none counts."""

import contextlib
import datetime as dt
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RangeDateTimeFilter, TextFilter

from skold.models import Action, AuditRecord

Rows = QuerySet[AuditRecord]


class PeriodFilter(RangeDateTimeFilter):  # type: ignore[misc]
    """From and to; a missing time of day is its begin or end. In the institution's time zone."""

    def queryset(self, _request: HttpRequest, rows: Rows) -> Rows:
        since = self._moment("from", dt.time.min)
        until = self._moment("to", dt.time.max)
        if since is not None:
            rows = rows.filter(at__gte=since)
        if until is not None:
            rows = rows.filter(at__lte=until)
        return rows

    def _moment(self, end: str, time_of_day: dt.time) -> dt.datetime | None:
        given = self.used_parameters
        try:
            day = dt.date.fromisoformat(given.get(f"at_{end}_0") or "")
        except ValueError:
            return None
        with contextlib.suppress(ValueError):
            time_of_day = dt.time.fromisoformat(given.get(f"at_{end}_1") or "")
        return timezone.make_aware(dt.datetime.combine(day, time_of_day.replace(tzinfo=None)))


class ExactFilter(TextFilter):  # type: ignore[misc]
    """A text that must be equal: only that is served by an index."""

    def queryset(self, _request: HttpRequest, rows: Rows) -> Rows:
        value = (self.value() or "").strip()
        return self.narrow(rows, value) if value else rows

    def narrow(self, rows: Rows, value: str) -> Rows:
        """The rows that are meant."""
        return rows.filter(**{str(self.parameter_name): value})


class ClientFilter(ExactFilter):
    title, parameter_name = _("client"), "client"


class CollectionFilter(ExactFilter):
    title, parameter_name = _("collection"), "collection"


class RequestIdFilter(ExactFilter):
    title, parameter_name = _("request id"), "request_id"


class AddressFilter(ExactFilter):
    title, parameter_name = _("address of the file"), "address"


class StatusFilter(ExactFilter):
    title, parameter_name = _("status"), "status"

    def narrow(self, rows: Rows, value: str) -> Rows:
        """Only ends have a status."""
        number = int(value) if value.isascii() and value.isdigit() and len(value) == 3 else 0
        return rows.filter(kind="done", status=number)


class OutcomeFilter(ExactFilter):
    """`served`, `broken_off`, or the problem that was answered, such as `not_found`."""

    title, parameter_name = _("outcome"), "outcome"

    def narrow(self, rows: Rows, value: str) -> Rows:
        """Only ends have an outcome."""
        return rows.filter(kind="done", outcome=value)


class ChoiceFilter(DropdownFilter):  # type: ignore[misc]
    """One of a few words."""

    words: tuple[tuple[str, Any], ...] = ()

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return list(self.words)

    def queryset(self, _request: HttpRequest, rows: Rows) -> Rows:
        value = self.value()
        if value not in dict(self.words):
            return rows
        return rows.filter(**{str(self.parameter_name): value})


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
        ("every", _("Every record")),
    )
    BY_END = ("status", "outcome")

    def queryset(self, request: HttpRequest, rows: Rows) -> Rows:
        if self.value() == "every":
            return rows
        if self.value() in {"open", "close"}:
            return rows.filter(kind=self.value())
        if any(request.GET.get(name) for name in self.BY_END):
            return rows
        return rows.filter(kind="req")


FILTERS: list[Any] = [
    ("at", PeriodFilter),
    ClientFilter,
    CollectionFilter,
    ActionFilter,
    DecisionFilter,
    StatusFilter,
    OutcomeFilter,
    RequestIdFilter,
    AddressFilter,
    PlaneFilter,
    RecordFilter,
]
