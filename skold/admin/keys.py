"""Keys in the admin: issued (the secret is on the page that follows, once) and revoked."""

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from skold import services
from skold.admin.actors import actor_of, name_made
from skold.admin.badges import badge
from skold.admin.decorators import action, display
from skold.control import parts
from skold.models import ApiKey, UrlKey
from skold.models.keys import Credential
from skold.services.rotation import MAX_DAYS, USUAL_DAYS
from skold.uses import with_last_use

STATES = {"live": "success", "expired": "warning", "revoked": "danger"}


def when(moment: dt.datetime | None) -> str | None:
    """A time as the admin writes them; None where there is none."""
    return None if moment is None else date_format(localtime(moment), "DATETIME_FORMAT")


class KeyAdmin(ModelAdmin):  # type: ignore[misc]
    """What API keys and signing keys have in common."""

    list_display = ["id", "client", "label", "state", "last_used", "expires_at", "created_at"]
    list_filter = ["client"]
    list_select_related = ["client"]
    search_fields = ["id", "client__id", "label"]
    fields = ["client", "label", "expires_at"]
    actions_detail = ["rotate", "revoke"]
    actions = None

    def issue(self, actor: str, given: dict[str, Any]) -> tuple[Credential, str]:
        """The new key and its secret. Raises ValidationError."""
        raise NotImplementedError

    def end(self, actor: str, key: Any) -> None:
        """Revoke a key."""
        raise NotImplementedError

    def replace(self, actor: str, key: Any, days: int) -> tuple[Credential, str]:
        """Rotate a key: the new one and its secret. Raises ValidationError."""
        raise NotImplementedError

    def get_fields(self, _request: HttpRequest, obj: Credential | None = None) -> list[str]:
        given = ["client", "label", "expires_at"]
        if obj is not None:
            given.append("last_used")
        history = ["id", "state_badge", "created_at", "created_by", "revoked_at", "revoked_by"]
        return given if obj is None else given + history

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if obj is None else self.get_fields(request, obj)

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the time each was used last."""
        return with_last_use(super().get_queryset(request))

    def has_rotate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may issue and end keys; of those that have not ended."""
        permission = f"{self.opts.app_label}.add_{self.opts.model_name}"
        key = self.model.objects.filter(pk=object_id).first() if object_id else None
        live = key is None or key.is_live(timezone.now())
        return live and bool(request.user.has_perm(permission)) and self._may_end(request)

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may change keys may end those that have not ended."""
        if object_id and self.model.objects.filter(pk=object_id).exclude(revoked_at=None).exists():
            return False
        return self._may_end(request)

    def _may_end(self, request: HttpRequest) -> bool:
        permission = f"{self.opts.app_label}.change_{self.opts.model_name}"
        return bool(request.user.has_perm(permission))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The form; what a service refuses comes back as a message."""
        try:
            plain = {"show_save_and_add_another": False, "show_save_and_continue": False}
            response: HttpResponse = super().add_view(
                request, form_url, {**plain, **(extra_context or {})}
            )
        except ValidationError as error:
            for text in error.messages:
                messages.error(request, text)
            return HttpResponseRedirect(request.get_full_path())
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002 - Django's signature
        key, secret = self.issue(actor_of(request), form.cleaned_data)
        obj.__dict__.update(key.__dict__)
        name_made(request, key)
        request.issued_secret = secret  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Any, _post_url: Any = None) -> HttpResponse:
        """The one page that shows the secret; it is in no message, session or cache."""
        context = {
            **self.admin_site.each_context(request),
            "title": now_("Copy the secret now"),
            "opts": self.opts,
            "key": obj,
            "secret": request.issued_secret,  # type: ignore[attr-defined]
            "back": reverse(f"admin:skold_{self.opts.model_name}_changelist"),
        }
        response = TemplateResponse(request, "admin/skold/secret_once.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @action(description=_("Rotate"), icon="autorenew", permissions=["rotate"])
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask how long the old key goes on, then show the secret of the new one, once."""
        key = self.get_object(request, object_id)
        if key is None:
            return HttpResponse(status=404)
        form = RotationForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                made, secret = self.replace(actor_of(request), key, form.cleaned_data["days"])
            except ValidationError as error:
                form.add_error(None, error.messages)
            else:
                name_made(request, made)
                request.issued_secret = secret  # type: ignore[attr-defined]
                return self.response_add(request, made)
        context = {
            **self.admin_site.each_context(request),
            "title": now_("Rotate this key"),
            "opts": self.opts,
            "key": key,
            "form": form,
            "back": reverse(f"admin:skold_{self.opts.model_name}_change", args=[object_id]),
        }
        return TemplateResponse(request, "admin/skold/rotate_key.html", context)

    @display(description=_("last used"), ordering="last_used_at")
    def last_used(self, key: Any) -> str | None:
        return when(key.last_used_at)

    @action(description=_("Revoke"), icon="block", permissions=["revoke"], variant="danger")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then end the key for good."""
        key = self.get_object(request, object_id)
        if key is None:
            return HttpResponse(status=404)
        back = reverse(f"admin:skold_{self.opts.model_name}_change", args=[object_id])
        if request.method == "POST":
            self.end(actor_of(request), key)
            messages.success(request, now_("Revoked. It opens nothing within a second."))
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": now_("Revoke this key?"),
            "opts": self.opts,
            "key": key,
            "back": back,
        }
        return TemplateResponse(request, "admin/skold/revoke_key.html", context)

    @display(description=_("state"))
    def state_badge(self, key: Credential) -> str:
        state, text = self.state(key)
        return badge(STATES[state], text)

    @display(description=_("state"), label=STATES)
    def state(self, key: Credential) -> tuple[str, str]:
        if key.revoked_at is not None:
            return "revoked", str(_("revoked"))
        live = key.is_live(timezone.now())
        return ("live", str(_("live"))) if live else ("expired", str(_("expired")))


class RotationForm(forms.Form):
    """How long the key that is replaced goes on."""

    days = forms.IntegerField(
        label=_("Days until the old key ends"),
        help_text=_("Time to put the new key everywhere; 0 ends the old one now."),
        initial=USUAL_DAYS,
        min_value=0,
        max_value=MAX_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
    )


@admin.register(ApiKey)
class ApiKeyAdmin(KeyAdmin):
    """API keys."""

    def issue(self, actor: str, given: dict[str, Any]) -> tuple[Credential, str]:
        issued = services.issue_api_key(actor=actor, **given)
        return issued.key, issued.plaintext

    def end(self, actor: str, key: ApiKey) -> None:
        services.revoke_api_key(actor=actor, key=key)

    def replace(self, actor: str, key: ApiKey, days: int) -> tuple[Credential, str]:
        issued = services.rotate_api_key(actor=actor, key=key, days=days)
        return issued.key, issued.plaintext


@admin.register(UrlKey)
class UrlKeyAdmin(KeyAdmin):
    """Keys with which clients sign URLs themselves."""

    def issue(self, actor: str, given: dict[str, Any]) -> tuple[Credential, str]:
        issued = services.issue_url_key(actor=actor, wrapping_keys=parts.url_keys(), **given)
        return issued.key, issued.secret

    def end(self, actor: str, key: UrlKey) -> None:
        services.revoke_url_key(actor=actor, key=key)

    def replace(self, actor: str, key: UrlKey, days: int) -> tuple[Credential, str]:
        issued = services.rotate_url_key(
            actor=actor, key=key, wrapping_keys=parts.url_keys(), days=days
        )
        return issued.key, issued.secret
