"""Clients in the admin: made and changed, switched off instead of deleted."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import UnfoldAdminTextareaWidget

from skold import services
from skold.admin.actors import actor_of, name_made
from skold.admin.decorators import action, display
from skold.admin.simulation import simulation_page
from skold.models import ApiKey, Client, Grant
from skold.services.clients import CHANGEABLE

LIVE = Q(api_keys__revoked_at=None) & (
    Q(api_keys__expires_at=None) | Q(api_keys__expires_at__gt=Now())
)


class ReadOnlyInline(TabularInline):  # type: ignore[misc]
    """Shows rows that have a page of their own."""

    extra = 0
    can_delete = False
    show_change_link = True
    tab = True

    def get_readonly_fields(self, _request: HttpRequest, _obj: Any = None) -> list[str]:
        return list(self.fields)

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


class GrantInline(ReadOnlyInline):
    model = Grant
    fields = ["collection", "actions", "prefix", "first_year", "last_year", "created_at"]


class ApiKeyInline(ReadOnlyInline):
    model = ApiKey
    fields = ["id", "label", "created_at", "expires_at", "revoked_at"]


class LinesField(forms.CharField):
    """A list of words, one a line; commas and spaces part them too."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return re.split(r"[\s,]+", value.strip()) if value and value.strip() else []

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


class ClientForm(forms.ModelForm):  # type: ignore[type-arg]
    """Address ranges one a line."""

    address_ranges = LinesField(
        label=_("Address ranges"),
        required=False,
        help_text=_("One a line, as 10.1.0.0/16. Requests from elsewhere are refused. Empty: any."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )

    class Meta:
        model = Client
        fields = [
            *("id", "name", "enabled", "may_act_for", "address_ranges", "requests_per_second"),
        ]


@admin.register(Client)
class ClientAdmin(ModelAdmin):  # type: ignore[misc]
    form = ClientForm
    list_display = ["id", "name", "state", "may_act_for", "live_keys", "grant_count", "created_at"]
    list_filter = ["enabled", "may_act_for"]
    search_fields = ["id", "name"]
    readonly_fields = ["created_at", "created_by", "shortcuts"]
    actions = None
    actions_list = ["may"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Client]:
        """With the number of keys that open something, and of grants."""
        rows: QuerySet[Client] = super().get_queryset(request)
        return rows.annotate(
            live=Count("api_keys", filter=LIVE, distinct=True),
            given=Count("grants", distinct=True),
        )

    def get_fieldsets(self, _request: HttpRequest, obj: Client | None = None) -> Any:
        """A new client has no history yet."""
        client = list(ClientForm.Meta.fields)
        if obj is None:
            return [(None, {"fields": client})]
        about = ["created_at", "created_by", "shortcuts"]
        return [(None, {"fields": client}), (_("About"), {"fields": about})]

    def get_inlines(self, _request: HttpRequest, obj: Client | None) -> list[Any]:
        """A new client has neither grants nor keys."""
        return [] if obj is None else [GrantInline, ApiKeyInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Client | None = None) -> list[str]:
        """The identifier is in every audit record: it never changes."""
        fixed = list(super().get_readonly_fields(request, obj))
        return fixed if obj is None else ["id", *fixed]

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Client, form: Any, change: bool) -> None:
        """Through the services, as the person who is signed in."""
        if change:
            changes = {
                name: form.cleaned_data[name] for name in form.changed_data if name in CHANGEABLE
            }
            services.change_client(actor=actor_of(request), client=obj, changes=changes)
            return
        made = services.create_client(actor=actor_of(request), **form.cleaned_data)
        obj.__dict__.update(made.__dict__)
        name_made(request, made)

    @action(description=_("What may it?"), icon="rule", url_path="may", permissions=["view"])
    def may(self, request: HttpRequest) -> HttpResponse:
        """Ask the gate."""
        context = {**self.admin_site.each_context(request), "opts": self.opts}
        return simulation_page(request, context)

    @display(description=_("state"), label={"on": "success", "off": "danger"})
    def state(self, client: Client) -> tuple[str, str]:
        return ("on", str(_("enabled"))) if client.enabled else ("off", str(_("disabled")))

    @display(description=_("live keys"))
    def live_keys(self, client: Any) -> int:
        return int(client.live)

    @display(description=_("grants"))
    def grant_count(self, client: Any) -> int:
        return int(client.given)

    @display(description=_("next"))
    def shortcuts(self, client: Client) -> SafeString:
        """What one usually does next with a client."""
        return format_html(
            '<a class="text-primary-600" href="{}?client={}">{}</a> · '
            '<a class="text-primary-600" href="{}?client={}">{}</a> · '
            '<a class="text-primary-600" href="{}?client={}">{}</a> · '
            '<a class="text-primary-600" href="{}?client={}">{}</a> · '
            '<a class="text-primary-600" href="{}?client={}">{}</a>',
            *(reverse("admin:skold_apikey_add"), client.pk, _("Issue an API key")),
            *(reverse("admin:skold_urlkey_add"), client.pk, _("Issue a signing key")),
            *(reverse("admin:skold_grant_add"), client.pk, _("Give a grant")),
            *(reverse("admin:skold_auditrecord_changelist"), client.pk, _("See its accesses")),
            *(reverse("admin:skold_client_may"), client.pk, _("Ask what it may")),
        )
