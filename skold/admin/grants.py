"""Grants in the admin: given and withdrawn, never changed."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from skold import services
from skold.admin.actors import actor_of, name_made
from skold.admin.decorators import display
from skold.control import parts
from skold.models import OFFERED_ACTIONS, Grant


class GrantForm(forms.ModelForm):  # type: ignore[type-arg]
    """Actions are ticked."""

    actions = forms.MultipleChoiceField(
        label=_("Actions"),
        choices=OFFERED_ACTIONS,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = Grant
        fields = ["client", "collection", "actions", "prefix", "first_year", "last_year"]

    def clean(self) -> dict[str, Any]:
        """Besides the fields: that the grant can reach anything."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if "collection" in given and "prefix" in given:
            parts.check_place(given["collection"], given["prefix"])
        return given


@admin.register(Grant)
class GrantAdmin(ModelAdmin):  # type: ignore[misc]
    form = GrantForm
    list_display = ["client", "where", "allowed", "years", "created_at", "created_by"]
    list_filter = ["client", "collection"]
    list_select_related = ["client"]
    search_fields = ["client__id", "collection", "prefix"]
    fields = ["client", "collection", "prefix", ("first_year", "last_year"), "actions"]

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Grant, form: Any, change: bool) -> None:  # noqa: ARG002 - Django's signature
        """Through the services, as the person who is signed in."""
        made = services.give_grant(actor=actor_of(request), **form.cleaned_data)
        obj.__dict__.update(made.__dict__)
        name_made(request, made)

    def delete_model(self, request: HttpRequest, obj: Grant) -> None:
        services.withdraw_grant(actor=actor_of(request), grant=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> None:
        for grant in queryset:
            services.withdraw_grant(actor=actor_of(request), grant=grant)

    @display(description=_("collection and prefix"))
    def where(self, grant: Grant) -> str:
        return f"{grant.collection} / {grant.prefix or '…'}"

    @display(description=_("years"))
    def years(self, grant: Grant) -> str:
        return grant.years_in_words or "—"

    @display(description=_("allowed"), label=True)
    def allowed(self, grant: Grant) -> list[str]:
        return list(grant.actions)
