"""Lists of what went wrong or differs, for when the page of the source shows only the newest."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from contentserver.admin.lists import KeysetAdmin
from contentserver.admin.words import moment, mono
from migrator.models import Alarm, Difference, RecordError, Verification
from migrator.services import acts
from skold.admin.actors import actor_of
from skold.admin.decorators import action, display


class FindingAdmin(KeysetAdmin):
    """Whose rows name a legacy record and a key."""

    list_filter: list[Any] = ["source"]
    show_facets = admin.ShowFacets.NEVER  # each facet would be a COUNT

    @display(description=_("legacy record"))
    def legacy_record(self, row: Any) -> SafeString:
        return mono(", ".join(row.record) or "—")

    @display(description=_("key"))
    def named(self, row: Any) -> SafeString:
        return mono(row.key or "—")


@admin.register(RecordError)
class RecordErrorAdmin(FindingAdmin):
    keyset = ("-last_at", "-id")
    list_display = ["source", "legacy_record", "named", "error", "detail", "tries", "seen", "next"]
    list_filter = ["source", "error"]
    actions = ["try_again"]  # type: ignore[assignment]  # none, says the base

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("migrator.change_recorderror"))

    @action(description=_("Try again"), permissions=["try_again"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[RecordError]) -> None:
        found = acts.try_again(actor=actor_of(request), errors=chosen)
        said = now_("%(count)d records are tried again by the sync.") % {"count": found}
        messages.success(request, said)

    @display(description=_("last seen"))
    def seen(self, row: RecordError) -> SafeString:
        return moment(row.last_at)

    @display(description=_("next try"))
    def next(self, row: RecordError) -> SafeString | str:
        return moment(row.retry_at) if row.retry_at else now_("at its next change")


@admin.register(Difference)
class DifferenceAdmin(FindingAdmin):
    keyset = ("-found_at", "-id")
    list_display = ["source", "legacy_record", "named", "differs", "detail", "found", "resolved"]
    list_filter = ["source", "kind", ("resolved_at", admin.EmptyFieldListFilter)]

    @display(description=_("difference"), label=True)
    def differs(self, row: Difference) -> str:
        return row.get_kind_display()

    @display(description=_("found"))
    def found(self, row: Difference) -> SafeString:
        return moment(row.found_at)

    @display(description=_("resolved"))
    def resolved(self, row: Difference) -> SafeString | str:
        return moment(row.resolved_at) if row.resolved_at else "—"


@admin.register(Alarm)
class AlarmAdmin(FindingAdmin):
    """Decided on the page of the source."""

    keyset = ("-raised_at", "-id")
    list_display = [
        "source",
        "legacy_record",
        "named",
        "what",
        "detail",
        "raised",
        "decided",
        "settled",
    ]
    list_filter = ["source", "kind", ("settled_at", admin.EmptyFieldListFilter)]

    @display(description=_("alarm"), label={"foreign_change": "danger"})
    def what(self, row: Alarm) -> tuple[str, str]:
        return row.kind, row.get_kind_display()

    @display(description=_("raised"))
    def raised(self, row: Alarm) -> SafeString:
        return moment(row.raised_at)

    @display(description=_("decided"))
    def decided(self, row: Alarm) -> str:
        return f"{row.get_decision_display()} ({row.decided_by})" if row.decision else "—"

    @display(description=_("settled"))
    def settled(self, row: Alarm) -> SafeString | str:
        return moment(row.settled_at) if row.settled_at else "—"


@admin.register(Verification)
class VerificationAdmin(KeysetAdmin):
    keyset = ("-started_at", "-id")
    list_display = [
        *("source", "began", "phase", "compared", "equal", "missing_here", "missing_there"),
        *("different", "unreadable", "ended"),
    ]
    list_filter = ["source"]
    show_facets = admin.ShowFacets.NEVER

    @display(description=_("began"))
    def began(self, row: Verification) -> SafeString:
        return moment(row.started_at)

    @display(description=_("ended"))
    def ended(self, row: Verification) -> SafeString | str:
        return moment(row.finished_at) if row.finished_at else "—"
