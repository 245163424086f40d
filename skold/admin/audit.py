"""The audit in the admin: searched and read; nobody adds, changes or deletes."""

from typing import Any

import orjson
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from skold import audit_words as words
from skold.admin import audit_links as links
from skold.admin.audit_filters import FILTERS
from skold.admin.audit_list import AuditChangeList, join_halves
from skold.admin.audit_pages import AuditPages
from skold.admin.badges import badge
from skold.admin.decorators import display
from skold.admin.shown import ShownOnly
from skold.models import AuditRecord
from skold.reason_words import reason_in_words

DECISIONS = {"allow": "success", "refuse": "danger"}

Row = Any
"""An AuditRecord to which join_halves has given `request` and `end`."""


@admin.register(AuditRecord)
class AuditRecordAdmin(ShownOnly, AuditPages, ModelAdmin):  # type: ignore[misc]
    """One row an access, newest first."""

    list_display = [
        *("when", "what", "which", "who", "decision_badge", "status_badge", "sent", "took"),
    ]
    list_filter = FILTERS
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    list_display_links = ["when"]
    sortable_by: list[str] = []
    search_fields = ["request_id"]
    search_help_text = _("Request id, address of a file, or node:leaf; exact")
    show_full_result_count = False
    actions = None
    fieldsets = [
        (_("What happened"), {"fields": ["story", "exactly", "plane", "action", "method"]}),
        (_("Who"), {"fields": ["client", "credential", "end_user_known", "personal"]}),
        (_("What"), {"fields": ["collection", "address", "version", "resource"]}),
        (_("Decision"), {"fields": ["decision_badge", "reason", "rule"]}),
        (_("Result"), {"fields": ["status_badge", "outcome_of", "sent", "took"]}),
        (
            _("Proof"),
            {"fields": ["id", "writer", "n", "kind", "request_id", "halves", "leaf_body"]},
        ),
    ]
    readonly_fields = [
        *("story", "exactly", "personal", "decision_badge", "status_badge", "outcome_of"),
        *("sent", "took", "leaf_body", "halves"),
    ]
    show_facets = admin.ShowFacets.NEVER  # each facet would be a COUNT

    def get_changelist(self, _request: HttpRequest, **_kwargs: Any) -> type[AuditChangeList]:
        return AuditChangeList

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[AuditRecord], search_term: str
    ) -> tuple[QuerySet[AuditRecord], bool]:
        """By what has an index, never by parts of words."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if ":" in term:
            return queryset & AuditRecord.objects.at_position(term), False
        is_address = len(term) == 32 and all(digit in "0123456789abcdef" for digit in term)
        name = "address" if is_address else "request_id"
        return queryset.filter(**{name: term}), False

    def get_object(
        self, _request: HttpRequest, object_id: str, _from_field: Any = None
    ) -> AuditRecord | None:
        """By `node:leaf`, with its other half."""
        record = AuditRecord.objects.at_position(object_id).first()
        if record is not None:
            join_halves([record])
        return record

    @display(description=_("time"))
    def when(self, row: Row) -> SafeString:
        return format_html('<span class="whitespace-nowrap">{}</span>', _moment(row))

    @display(description=_("action"))
    def what(self, row: Row) -> str:
        return words.action_of(row)

    @display(description=_("file or object"))
    def which(self, row: Row) -> SafeString:
        version = row.version or (row.end.version if row.end else None)
        return links.above(links.file_story(row, words.file_of(row, row.request)), version or "")

    @display(description=_("person, client, from where"))
    def who(self, row: Row) -> SafeString:
        source = row.request or row
        person = words.person_of(source, "end_user")
        known = [text for text in (source.client, words.person_of(source, "network")) if text]
        if person:
            return links.above(links.person_story(person), " · ".join(known))
        return links.above(" · ".join(known[:1]) or "—", " · ".join(known[1:]))

    def decided(self, row: Row) -> tuple[str, str] | None:
        if row.decision is None:
            return None
        allowed = row.decision == "allow"
        return row.decision, str(
            _("allowed") if allowed else reason_in_words(row.reason or "refused")
        )

    def answered(self, row: Row) -> tuple[int, str] | None:
        if row.end is None:
            return (0, str(_("no end"))) if row.kind == "req" else None
        status = row.end.status
        return None if status is None else (status // 100, str(status))

    @display(description=_("sent"))
    def sent(self, row: Row) -> str:
        return words.size(row.end.bytes if row.end else None)

    @display(description=_("duration"))
    def took(self, row: Row) -> str:
        return words.duration(row.end.microseconds if row.end else None)

    @display(description=_("in words"))
    def story(self, row: Row) -> SafeString:
        lines = [(line,) for line in words.sentences(row.request, row.end)]
        return format_html_join(SafeString("<br>"), "{}", lines or [(row.kind,)])

    @display(description=_("time"))
    def exactly(self, row: Row) -> str:
        return timezone.localtime(row.at).isoformat(sep=" ", timespec="microseconds")

    @display(description=_("decision"))
    def decision_badge(self, row: Row) -> str:
        decided = self.decided(row)
        return badge(DECISIONS.get(decided[0], ""), decided[1]) if decided else "—"

    @display(description=_("status"))
    def status_badge(self, row: Row) -> str:
        answered = self.answered(row)
        return badge(words.SHADES.get(answered[0], ""), answered[1]) if answered else "—"

    @display(description=_("outcome"))
    def outcome_of(self, row: Row) -> str:
        return (row.end.outcome if row.end else None) or "—"

    @display(description=_("personal part"))
    def personal(self, row: Row) -> SafeString | str:
        source = row.request or row
        shown = [(name, value) for name, value in source.private.items() if name != "salt"]
        if not shown:
            return str(_("none, or redacted"))
        return format_html_join(SafeString("<br>"), "{}: <strong>{}</strong>", shown)

    @display(description=_("records of this access"))
    def halves(self, row: Row) -> SafeString:
        pair = [half for half in (row.request, row.end) if half is not None] or [row]
        links = [
            (reverse("admin:skold_auditrecord_change", args=[half.pk]), half.kind, half.pk)
            for half in pair
        ]
        pattern = '<a class="text-primary-600" href="{}">{} {}</a>'
        return format_html_join(SafeString(" · "), pattern, links)

    @display(description=_("leaf, as hashed"))
    def leaf_body(self, row: Row) -> SafeString:
        raw = bytes(row.body)
        try:
            text = orjson.dumps(orjson.loads(raw), option=orjson.OPT_INDENT_2).decode()
        except orjson.JSONDecodeError:
            text = raw.decode("utf-8", "replace")
        return format_html(
            '<pre style="white-space:pre-wrap;overflow-wrap:anywhere">{}</pre>', text
        )


def _moment(row: Row) -> str:
    return timezone.localtime(row.at).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
