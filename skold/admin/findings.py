"""Findings in the admin: what rules noticed, the records behind it, and what people say of it."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from skold.admin import finding_words as words
from skold.admin.actors import actor_of
from skold.admin.audit_list import join_halves
from skold.admin.decorators import display
from skold.admin.shown import ShownOnly, get_shown
from skold.control.recording import ControlAccess
from skold.models import AuditRecord, Finding
from skold.review import VERDICTS, review

SEVERITIES = {"notice": "info", "warning": "warning", "alarm": "danger"}
VERDICT_SHADES = {"open": "warning", "harmless": "success", "watched": "info", "incident": "danger"}
OPEN_FIRST = Case(When(verdict="open", then=Value(0)), default=Value(1))


class VerdictForm(forms.Form):
    """What a person says of a finding."""

    verdict = forms.ChoiceField(
        label=_("Verdict"), choices=VERDICTS, widget=UnfoldAdminSelectWidget
    )
    comment = forms.CharField(
        label=_("Why"), max_length=4000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4})
    )


@admin.register(Finding)
class FindingAdmin(ShownOnly, ModelAdmin):  # type: ignore[misc]
    """Open ones first. Nobody adds, changes or deletes them; verdicts are added."""

    list_display = ["when", "noticed", "sentence", "severe", "said"]
    list_display_links = ["when", "sentence"]
    list_filter = [
        ("verdict", ChoicesDropdownFilter),
        ("rule", ChoicesDropdownFilter),
        ("severity", ChoicesDropdownFilter),
    ]
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    ordering = [OPEN_FIRST.asc(), "-found_at", "-id"]
    sortable_by: list[str] = []
    search_fields = ["client"]
    search_help_text = _("Client")
    show_facets = admin.ShowFacets.NEVER
    actions = None

    def has_review_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("skold.review_finding"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.review_view)
        mine = path("<path:object_id>/review/", view, name="skold_finding_review")
        return [mine, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, _form_url: str = "", _extra: Any = None
    ) -> HttpResponse:
        """The finding's page."""
        finding = self._get(request, object_id)
        return self._page(request, finding, VerdictForm())

    def review_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a verdict (POST)."""
        finding = self._get(request, object_id)
        if not self.has_review_permission(request):
            raise PermissionDenied
        form = VerdictForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self._page(
                request, finding, form, status=200 if request.method == "GET" else 422
            )
        try:
            said = review(actor=actor_of(request), finding=finding, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
            return self._page(request, finding, form, 422)
        _name_verdict(request, finding, said.verdict, said.comment)
        messages.success(request, _("Your verdict stands beside the finding, and in the audit."))
        return HttpResponseRedirect(reverse("admin:skold_finding_change", args=[finding.pk]))

    def _get(self, request: HttpRequest, object_id: str) -> Finding:
        finding: Finding = get_shown(self, request, object_id)
        return finding

    def _page(
        self, request: HttpRequest, finding: Finding, form: VerdictForm, status: int = 200
    ) -> HttpResponse:
        records = words.records_of(finding)
        join_halves(records)
        query = list_query(finding, records)
        context = {
            **self.admin_site.each_context(request),
            "title": finding.get_rule_display(),
            "opts": self.opts,
            "original": finding,
            "finding": finding,
            "severity": (SEVERITIES[finding.severity], finding.get_severity_display()),
            "verdict": (VERDICT_SHADES[finding.verdict], finding.get_verdict_display()),
            "sentence": words.sentence_of(finding, records),
            "advice": words.ADVICE.get(finding.rule, ""),
            "facts": words.facts_of(finding, records),
            "records": records,
            "reviews": [
                (said, VERDICT_SHADES[said.verdict]) for said in finding.reviews.order_by("-at")
            ],
            "form": form,
            "may_review": self.has_review_permission(request),
            "list_url": f"{reverse('admin:skold_auditrecord_changelist')}?{query}",
            "export_url": f"{reverse('admin:skold_auditrecord_export')}?{query}",
        }
        return render(request, "admin/skold/finding.html", context, status=status)

    @display(description=_("noticed"))
    def when(self, row: Finding) -> SafeString:
        return format_html(
            '<span class="whitespace-nowrap">{}</span>',
            timezone.localtime(row.found_at).strftime("%Y-%m-%d %H:%M"),
        )

    @display(description=_("rule"))
    def noticed(self, row: Finding) -> str:
        return str(row.get_rule_display())

    @display(description=_("in words"))
    def sentence(self, row: Finding) -> str:
        return words.sentence_of(row, words.records_of(row, 1))

    @display(description=_("severity"), label=SEVERITIES)
    def severe(self, row: Finding) -> tuple[str, str]:
        return row.severity, str(row.get_severity_display())

    @display(description=_("verdict"), label=VERDICT_SHADES)
    def said(self, row: Finding) -> tuple[str, str]:
        return row.verdict, str(row.get_verdict_display())


def list_query(finding: Finding, records: list[AuditRecord]) -> str:
    """The audit's list, narrowed to what the finding is about."""
    since = timezone.localtime(finding.since)
    until = timezone.localtime(finding.until) + dt.timedelta(seconds=1)
    query = {
        "at_from_0": f"{since:%Y-%m-%d}",
        "at_from_1": f"{since:%H:%M:%S}",
        "at_to_0": f"{until:%Y-%m-%d}",
        "at_to_1": f"{until:%H:%M:%S}",
    }
    first = records[0] if records else None
    by = finding.facts.get("by")
    if finding.client:
        query["client"] = finding.client
    if finding.rule in {"refusals", "guessing"}:
        query["decision"] = "refuse"
    if first is not None and by == "credential":
        query["credential"] = first.credential or ""
    if first is not None and by == "end_user" and isinstance(first.private, dict):
        query["end_user"] = str(first.private.get("end_user", ""))
    if finding.rule == "gap":
        query["kind"] = "every"
    return urlencode({name: value for name, value in query.items() if value})


def open_findings() -> int:
    """How many wait for a verdict; 100 means: or more."""
    return Finding.objects.filter(verdict=Finding.Verdict.OPEN)[:100].count()


def _name_verdict(request: HttpRequest, finding: Finding, verdict: str, comment: str) -> None:
    """Let the record of this access say what was decided; its comment may name persons."""
    access = getattr(request, "control_access", None)
    if isinstance(access, ControlAccess):
        access.made = f"finding:{finding.pk}"
        access.said["verdict"] = verdict
        access.said_privately["comment"] = comment
