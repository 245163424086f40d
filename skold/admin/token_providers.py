"""Token providers in the admin: rules, the state of their keys, and whom they speak for."""

import time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminURLInputWidget,
)

from skold import services
from skold.admin.actors import actor_of, name_made
from skold.admin.badges import badge
from skold.admin.clients import LinesField, ReadOnlyInline
from skold.admin.decorators import action, display
from skold.admin.keys import when
from skold.models import TokenClient, TokenProvider
from skold.policy_identities import ASYMMETRIC
from skold.services.token_providers import CHANGEABLE, USUAL_ALGORITHMS, check_provider
from skold.uses import with_last_use

PATIENCE = 8.0
"""Seconds that a page waits for the bridge's answer."""


class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]
    """Audiences one a line, algorithms to tick."""

    issuer = forms.URLField(
        label=_("Issuer"),
        max_length=500,
        assume_scheme="https",
        help_text=_("Exactly as `iss` in its tokens says it."),
        widget=UnfoldAdminURLInputWidget,
    )
    jwks_url = forms.URLField(
        label=_("Address of the keys"),
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text=_("Empty: asked from the issuer's discovery document."),
        widget=UnfoldAdminURLInputWidget,
    )
    audiences = LinesField(
        label=_("Audiences"),
        help_text=_("One a line. A token must be made for one of these (`aud`)."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    algorithms = forms.MultipleChoiceField(
        label=_("Algorithms"),
        choices=[(name, name) for name in sorted(ASYMMETRIC)],
        initial=USUAL_ALGORITHMS,
        help_text=_("What the provider signs with; its documentation says so."),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = TokenProvider
        fields = [
            *("id", "issuer", "audiences", "algorithms", "jwks_url", "client_claim"),
            *("end_user_claim", "enabled"),
        ]

    def clean(self) -> dict[str, Any] | None:
        """What the service would refuse, named here."""
        cleaned = super().clean()
        if not self.errors:
            issuer = self.cleaned_data.get("issuer") or self.instance.issuer
            given = {name: value for name, value in self.cleaned_data.items() if name != "issuer"}
            check_provider(TokenProvider(issuer=issuer, **given))
        return cleaned


class TokenClientInline(ReadOnlyInline):
    model = TokenClient
    fields = ["value", "client", "created_at", "created_by"]


@admin.register(TokenProvider)
class TokenProviderAdmin(ModelAdmin):  # type: ignore[misc]
    """OpenID Connect providers."""

    form = ProviderForm
    list_display = ["id", "issuer", "keys", "fetched", "enabled"]
    list_filter = ["enabled"]
    search_fields = ["id", "issuer"]
    actions_detail = ["fetch"]
    actions = None

    def get_fieldsets(self, _request: HttpRequest, obj: TokenProvider | None = None) -> Any:
        rules = (None, {"fields": list(ProviderForm.Meta.fields)})
        if obj is None:
            return [rules]
        keys = ["keys", "key_ids", "fetched_at", "fetch_tried_at", "fetch_error"]
        return [
            rules,
            (_("Keys"), {"fields": keys}),
            (_("About"), {"fields": ["created_at", "created_by", "shortcuts"]}),
        ]

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> list[str]:
        """Issuer and identifier are in audit records: they never change."""
        shown = ["keys", "key_ids", "fetched_at", "fetch_tried_at", "fetch_error"]
        shown += ["created_at", "created_by", "shortcuts"]
        return shown if obj is None else ["id", "issuer", *shown]

    def get_inlines(self, _request: HttpRequest, obj: Any) -> list[Any]:
        return [] if obj is None else [TokenClientInline]

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_fetch_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return bool(request.user.has_perm("skold.change_tokenprovider"))

    def save_model(self, request: HttpRequest, obj: TokenProvider, form: Any, change: bool) -> None:
        actor, given = actor_of(request), form.cleaned_data
        if change:
            changed = {name: given[name] for name in form.changed_data if name in CHANGEABLE}
            services.change_token_provider(actor=actor, provider=obj, changes=changed)
            return
        made = services.create_token_provider(actor=actor, **given)
        obj.__dict__.update(made.__dict__)
        name_made(request, made)

    @action(description=_("Fetch keys now"), icon="sync", permissions=["fetch"])
    def fetch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the bridge, and wait a little for what it finds."""
        provider = self.get_object(request, object_id)
        if provider is None:
            return HttpResponse(status=404)
        wanted = services.want_keys(actor=actor_of(request), provider=provider)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            provider.refresh_from_db()
            if provider.fetch_tried_at is not None and provider.fetch_tried_at >= wanted:
                break
            time.sleep(0.2)
        else:
            messages.warning(request, now_("The bridge has not answered yet. Is it running?"))
        if provider.fetch_tried_at is not None and provider.fetch_tried_at >= wanted:
            _tell(request, provider)
        back = reverse("admin:skold_tokenprovider_change", args=[object_id])
        return HttpResponseRedirect(back)

    @display(description=_("keys in force"))
    def keys(self, provider: TokenProvider) -> str:
        count = len(provider.jwks.get("keys", []))
        if not count:
            return badge("danger", now_("none: no token is taken"))
        return badge("warning" if provider.fetch_error else "success", str(count))

    @display(description=_("key ids"))
    def key_ids(self, provider: TokenProvider) -> str:
        rows = ((key["kid"], key["kty"]) for key in provider.jwks.get("keys", []))
        return format_html_join(SafeString("<br>"), "<code>{}</code> ({})", rows) or "-"

    @display(description=_("fetched"))
    def fetched(self, provider: TokenProvider) -> str:
        if provider.fetched_at is None:
            return now_("never")
        return now_("%(time)s ago") % {"time": timesince(provider.fetched_at, timezone.now())}

    @display(description=_("next"))
    def shortcuts(self, provider: TokenProvider) -> SafeString:
        return format_html(
            '<a class="text-primary-600" href="{}?provider={}">{}</a>',
            reverse("admin:skold_tokenclient_add"),
            provider.pk,
            _("Name a client whose tokens are taken"),
        )


@admin.register(TokenClient)
class TokenClientAdmin(ModelAdmin):  # type: ignore[misc]
    """Named and forgotten, never changed: a record names its number."""

    list_display = ["value", "provider", "client", "last_used", "created_at", "created_by"]
    list_filter = ["provider", "client"]
    list_select_related = ["provider", "client"]
    search_fields = ["value", "client__id"]
    fields = ["provider", "value", "client"]
    actions = None

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return with_last_use(rows, "token:", "@provider_id", "/", "@pk")

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: TokenClient, form: Any, change: bool) -> None:  # noqa: ARG002 - Django's signature
        made = services.name_token_client(actor=actor_of(request), **form.cleaned_data)
        obj.__dict__.update(made.__dict__)
        name_made(request, made)

    def delete_model(self, request: HttpRequest, obj: TokenClient) -> None:
        services.forget_token_client(actor=actor_of(request), named=obj)

    @display(description=_("last used"))
    def last_used(self, named: Any) -> str | None:
        return when(named.last_used_at)


def _tell(request: HttpRequest, provider: TokenProvider) -> None:
    if provider.fetch_error:
        messages.error(request, provider.fetch_error)
    else:
        count = len(provider.jwks.get("keys", []))
        text = ngettext("Fetched: %(count)d key.", "Fetched: %(count)d keys.", count)
        messages.success(request, text % {"count": count})
