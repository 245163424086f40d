"""What files can be searched by. Every one of them is served by an index."""

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from contentserver.catalog.models import File


class FileFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Filters combine by AND.

    Nothing is stripped: what the gate has judged is exactly what is searched for.
    """

    collection = django_filters.CharFilter(strip=False, help_text=_("Name of the collection."))
    prefix = django_filters.CharFilter(
        field_name="key",
        lookup_expr="startswith",
        strip=False,
        help_text=_("What the key begins with."),
    )
    key = django_filters.CharFilter(strip=False, help_text=_("Exactly this key."))
    year = django_filters.NumberFilter(
        min_value=1, max_value=9999, help_text=_("Year of the latest version.")
    )
    media_type = django_filters.CharFilter(
        method="by_media_type", help_text=_("image/jpeg, or image/* for all of a type.")
    )
    created_by = django_filters.CharFilter(help_text=_("Client that stored the latest version."))
    stored_from = django_filters.IsoDateTimeFilter(
        field_name="committed_at", lookup_expr="gte", help_text=_("Stored at this time or later.")
    )
    stored_before = django_filters.IsoDateTimeFilter(
        field_name="committed_at", lookup_expr="lt", help_text=_("Stored before this time.")
    )
    deleted = django_filters.BooleanFilter(help_text=_("Only deleted files, or only others."))

    class Meta:
        model = File
        fields: list[str] = []

    def by_media_type(self, queryset: QuerySet[File], _name: str, value: str) -> QuerySet[File]:
        """`image/*` is the range of all types that begin with `image/`."""
        if value.endswith("/*"):
            return queryset.filter(media_type__startswith=value[:-1])
        return queryset.filter(media_type=value)
