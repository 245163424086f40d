"""Redactions in the admin: asked for on one page, approved or refused by another person on a
second one."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from skold.admin.actors import actor_of, name_made
from skold.admin.decorators import display
from skold.admin.shown import ShownOnly, get_shown
from skold.control.recording import ControlAccess
from skold.models import ArchivedMonth, Redaction
from skold.redaction import services
from skold.redaction.selection import SelectorInvalid, check_selector

SHADES = {"asked": "warning", "approved": "info", "done": "success", "refused": "danger"}


class AskForm(forms.ModelForm):  # type: ignore[type-arg]
    """Which records, in the words of the audit's list."""

    end_user = forms.CharField(
        label=_("End user"), required=False, max_length=256, widget=UnfoldAdminTextInputWidget
    )
    collection = forms.CharField(
        label=_("Collection"), required=False, max_length=64, widget=UnfoldAdminTextInputWidget
    )
    key = forms.CharField(
        label=_("Key"), required=False, max_length=512, widget=UnfoldAdminTextInputWidget
    )
    numbers = forms.CharField(
        label=_("Records"),
        required=False,
        help_text=_("One a line, each as node:number."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    class Meta:
        model = Redaction
        fields = ["kind", "end_user", "collection", "key", "numbers", "reason"]
        widgets = {
            "kind": UnfoldAdminSelectWidget,
            "reason": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        }
        help_texts = {
            "reason": _("Why, and on whose request: a case number, never the person's name.")
        }

    def clean(self) -> dict[str, Any]:
        """Besides the fields: that the selector says which records."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self.wanted():
            if not given.get(name):
                self.add_error(name, _("Say which records."))
        if not self.errors:
            _check(given["kind"], self.selector())
        return given

    def wanted(self) -> tuple[str, ...]:
        """The fields that the chosen kind needs."""
        return {
            "end_user": ("end_user",),
            "key": ("collection", "key"),
            "records": ("numbers",),
        }.get(self.cleaned_data.get("kind", ""), ())

    def selector(self) -> dict[str, Any]:
        """For the service."""
        given = {name: self.cleaned_data[name] for name in self.wanted()}
        if "numbers" in given:
            return {"records": given["numbers"].split()}
        return given


@admin.register(Redaction)
class RedactionAdmin(ShownOnly, ModelAdmin):  # type: ignore[misc]
    """Nothing here is changed or deleted; acts go through the services."""

    form = AskForm
    conditional_fields = {
        "end_user": "kind == 'end_user'",
        "collection": "kind == 'key'",
        "key": "kind == 'key'",
        "numbers": "kind == 'records'",
    }
    list_display = ["asked_at", "what", "standing", "how_many", "asked_by", "decided_by"]
    list_filter = [("state", ChoicesDropdownFilter), ("kind", ChoicesDropdownFilter)]
    list_filter_submit = True
    actions = None

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return bool(request.user.has_perm("skold.ask_redaction"))

    def get_urls(self) -> list[URLPattern]:
        mine = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"skold_redaction_{name}",
            )
            for name, view in (("approve", self.approve_view), ("refuse", self.refuse_view))
        ]
        return [*mine, *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Redaction, form: Any, change: bool) -> None:  # noqa: ARG002 - Django's signature
        """Through the services, as the person who is signed in."""
        made = services.ask(
            actor=actor_of(request),
            kind=obj.kind,
            selector=form.selector(),
            reason=obj.reason,
        )
        obj.__dict__.update(made.__dict__)
        name_made(request, made)

    def response_add(
        self, _request: HttpRequest, obj: Redaction, _post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:skold_redaction_change", args=[obj.pk]))

    def log_addition(self, *_args: Any) -> None:
        """Nothing in Django's own log: its text would name the person."""

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Ask: one wish, one button."""
        one = {"show_save_and_add_another": False, "show_save_and_continue": False}
        shown = {**(extra_context or {}), **one, "title": _("Ask for a redaction")}
        response: HttpResponse = super().add_view(request, form_url, shown)
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, _form_url: str = "", _extra: Any = None
    ) -> HttpResponse:
        """The redaction's page."""
        return self._page(request, self._get(request, object_id))

    def approve_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approve (POST)."""
        said = _("Approved. The bridge takes the private parts out within a minute.")
        return self._decide(request, object_id, services.approve, str(said))

    def refuse_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refuse, or take back what one has asked for (POST)."""
        return self._decide(request, object_id, services.refuse, str(_("Refused.")))

    def _decide(
        self, request: HttpRequest, object_id: str, act: Callable[..., Redaction], said: str
    ) -> HttpResponse:
        redaction = self._get(request, object_id)
        takes_back = act is services.refuse and redaction.asked_by == actor_of(request)
        if not (takes_back or request.user.has_perm("skold.approve_redaction")):
            raise PermissionDenied
        if request.method == "POST":
            try:
                act(actor=actor_of(request), redaction=redaction)
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
            else:
                _name_act(request, redaction, act.__name__)
                messages.success(request, said)
        return HttpResponseRedirect(reverse("admin:skold_redaction_change", args=[redaction.pk]))

    def _get(self, request: HttpRequest, object_id: str) -> Redaction:
        redaction: Redaction = get_shown(self, request, object_id)
        return redaction

    def _page(self, request: HttpRequest, redaction: Redaction) -> HttpResponse:
        undecided = redaction.state == Redaction.State.ASKED
        own = services.person_of(redaction.asked_by) == services.person_of(actor_of(request))
        may = bool(request.user.has_perm("skold.approve_redaction"))
        context = {
            **self.admin_site.each_context(request),
            "title": redaction.get_kind_display(),
            "opts": self.opts,
            "original": redaction,
            "redaction": redaction,
            "state": (SHADES[redaction.state], redaction.get_state_display()),
            "facts": list(_facts(redaction)),
            "archived": ArchivedMonth.objects.filter(standing=False).exists(),
            "counting": undecided and redaction.records is None,
            "own": own and undecided and may,
            "may_approve": undecided and may and not own and redaction.records is not None,
            "may_refuse": undecided and (may or own),
        }
        return render(request, "admin/skold/redaction.html", context)

    @display(description=_("which"))
    def what(self, redaction: Redaction) -> str:
        return str(redaction.get_kind_display())

    @display(description=_("state"), label=SHADES)
    def standing(self, redaction: Redaction) -> tuple[str, str]:
        return redaction.state, str(redaction.get_state_display())

    @display(description=_("records"))
    def how_many(self, redaction: Redaction) -> str:
        return "…" if redaction.records is None else f"{redaction.records:,}"


@admin.register(ArchivedMonth)
class ArchivedMonthAdmin(ShownOnly, ModelAdmin):  # type: ignore[misc]
    """Months that left PostgreSQL. Shown only: archive_audit writes the list."""

    list_display = ["month_name", "node", "records", "size", "path", "archived_at", "where"]
    list_display_links = None
    list_filter = ["node"]
    actions = None

    @display(description=_("month"), ordering="month")
    def month_name(self, month: ArchivedMonth) -> str:
        return f"{month.month:%Y-%m}"

    @display(description=_("where"), label={"file": "info", "both": "success"}, ordering="standing")
    def where(self, month: ArchivedMonth) -> tuple[str, str]:
        if month.standing:
            return "both", str(_("file and PostgreSQL"))
        return "file", str(_("file"))


def _check(kind: str, selector: dict[str, Any]) -> None:
    try:
        check_selector(kind, selector)
    except SelectorInvalid as error:
        raise ValidationError(str(error)) from error


def _facts(redaction: Redaction) -> Any:
    for name, value in redaction.selector.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        yield _FACTS.get(name, name), shown
    yield _("Reason"), redaction.reason
    yield _("Asked by"), _by(redaction.asked_by, redaction.asked_at)
    if redaction.decided_at:
        decided = redaction.decided_by or redaction.asked_by
        yield _("Decided by"), _by(decided, redaction.decided_at)
    if redaction.done_at:
        yield _("Carried out"), f"{redaction.done_at:%Y-%m-%d %H:%M}"
    if redaction.error:
        yield _("Last error"), redaction.error


def _by(person: str, at: Any) -> Any:
    return format_html("{} · {}", person, f"{at:%Y-%m-%d %H:%M}")


def _name_act(request: HttpRequest, redaction: Redaction, act: str) -> None:
    access = getattr(request, "control_access", None)
    if isinstance(access, ControlAccess):
        access.made = f"skold.redaction:{redaction.pk}:{act}"


_FACTS = {
    "end_user": _("End user"),
    "collection": _("Collection"),
    "key": _("Key"),
    "records": _("Records"),
}
