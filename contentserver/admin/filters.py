"""What files are narrowed down by. Choices come from small tables, so that nothing is counted."""

import contextlib
import datetime as dt
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter, TextFilter

from contentserver.catalog.models import Collection, Year
from skold.models import Client

Rows = QuerySet[Any]


class Choice(DropdownFilter):  # type: ignore[misc]
    """One value of a column."""

    def queryset(self, _request: HttpRequest, rows: Rows) -> Rows:
        value = self.value()
        return rows.filter(**{str(self.parameter_name): value}) if value else rows


class CollectionFilter(Choice):
    title, parameter_name = _("collection"), "collection"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in Collection.objects.values_list("name", flat=True)]


class YearFilter(Choice):
    title, parameter_name = _("year"), "year"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        years = sorted(set(Year.objects.values_list("year", flat=True)), reverse=True)
        return [(str(year), str(year)) for year in years]

    def queryset(self, _request: HttpRequest, rows: Rows) -> Rows:
        value = self.value() or ""
        return rows.filter(year=int(value)) if value.isascii() and value.isdigit() else rows


class ClientFilter(Choice):
    title, parameter_name = _("stored by"), "created_by"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in Client.objects.values_list("id", flat=True)]


class StateFilter(DropdownFilter):  # type: ignore[misc]
    title, parameter_name = _("state"), "state"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [("stored", _("stored")), ("deleted", _("deleted"))]

    def queryset(self, _request: HttpRequest, rows: Rows) -> Rows:
        value = self.value()
        return rows.filter(deleted=value == "deleted") if value else rows


class MediaTypeFilter(TextFilter):  # type: ignore[misc]
    """`image/jpeg`, or `image/*`."""

    title, parameter_name = _("media type"), "media_type"

    def queryset(self, _request: HttpRequest, rows: Rows) -> Rows:
        value = (self.value() or "").strip()
        if value.endswith("/*"):
            return rows.filter(media_type__startswith=value[:-1])
        return rows.filter(media_type=value) if value else rows


class PeriodFilter(RangeDateFilter):  # type: ignore[misc]
    """From and to, both days included, in the institution's time zone."""

    def queryset(self, _request: HttpRequest, rows: Rows) -> Rows:
        since, until = self._day("from"), self._day("to")
        if since is not None:
            rows = rows.filter(committed_at__gte=_midnight(since))
        if until is not None:
            rows = rows.filter(committed_at__lt=_midnight(until + dt.timedelta(days=1)))
        return rows

    def _day(self, end: str) -> dt.date | None:
        given = self.used_parameters.get(f"committed_at_{end}") or ""
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(given)
        return None


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time.min))
