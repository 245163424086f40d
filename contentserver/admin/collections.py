"""Collections: their rules are edited here, and reach the data plane within a second."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from contentserver.admin.words import link, size
from contentserver.catalog.models import Collection, File
from contentserver.catalog.services import (
    CHANGEABLE,
    change_collection,
    create_collection,
    delete_collection,
)
from contentserver.catalog.validators import media_type_pattern
from skold.admin.actors import actor_of
from skold.admin.decorators import display


@admin.register(Collection)
class CollectionAdmin(ModelAdmin):  # type: ignore[misc]
    # Django replaces what a validator of the model's items says by "item 1 did not validate:".
    formfield_overrides = {
        ArrayField: {
            "widget": UnfoldAdminTextInputWidget,
            "base_field": forms.CharField(max_length=127, validators=[media_type_pattern]),
        }
    }
    list_display = ["title", "largest", "types", "erasable", "end_user", "updated_at", "contents"]
    list_filter = ["erasure", "on_behalf_of"]
    search_fields = ["name__startswith", "description"]
    search_help_text = _("Name or description")
    show_full_result_count = False
    actions = None
    fieldsets = [
        (None, {"fields": ["name", "description"]}),
        (_("What it takes"), {"fields": ["max_size", "media_types"]}),
        (_("How it is shown"), {"fields": ["inline_types", "cache_control", "url_lifetime"]}),
        (_("Persons"), {"fields": ["erasure", "on_behalf_of"]}),
    ]

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> list[str]:
        """The name is part of every address: it never changes."""
        return [] if obj is None else ["name"]

    def has_delete_permission(self, request: HttpRequest, obj: Collection | None = None) -> bool:
        """Only while it has never held a file."""
        if obj is not None and File.objects.filter(collection=obj.pk).exists():
            return False
        return bool(super().has_delete_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Through the services, as the person who is signed in."""
        given = form.cleaned_data
        if change:
            changes = {name: given[name] for name in form.changed_data if name in CHANGEABLE}
            change_collection(actor=actor_of(request), collection=obj, changes=changes)
            return
        rules = {name: given[name] for name in CHANGEABLE if name in given}
        made = create_collection(actor=actor_of(request), name=given["name"], rules=rules)
        obj.__dict__.update(made.__dict__)

    def delete_model(self, request: HttpRequest, obj: Collection) -> None:
        delete_collection(actor=actor_of(request), collection=obj)

    @display(description=_("collection"), header=True)
    def title(self, collection: Collection) -> list[str]:
        return [collection.name, collection.description]

    @display(description=_("largest file"))
    def largest(self, collection: Collection) -> str:
        return size(collection.max_size) if collection.max_size else str(_("no limit"))

    @display(description=_("takes"))
    def types(self, collection: Collection) -> str:
        return ", ".join(collection.media_types) or str(_("all media types"))

    @display(
        description=_("erasable"),
        label={
            Collection.Erasure.NONE: "warning",
            **dict.fromkeys(
                (
                    Collection.Erasure.KEY,
                    Collection.Erasure.FIRST_SEGMENT,
                    Collection.Erasure.FIELD,
                ),
                "success",
            ),
        },
    )
    def erasable(self, collection: Collection) -> tuple[str, str]:
        return collection.erasure, collection.get_erasure_display()

    @display(description=_("end user"))
    def end_user(self, collection: Collection) -> str:
        return collection.get_on_behalf_of_display()

    @display(description=_("files"))
    def contents(self, collection: Collection) -> SafeString:
        url = reverse("admin:contentserver_file_changelist")
        return link(f"{url}?collection={collection.pk}", _("Show"))
