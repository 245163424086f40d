"""Uploads in progress: who is sending what where, how far it has come, when it will be removed."""

import datetime as dt

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from contentserver.admin import filters
from contentserver.admin.layout import bar
from contentserver.admin.lists import ReadOnlyAdmin
from contentserver.admin.words import badge, moment, mono, plain, size
from contentserver.catalog.staged import UploadInProgress
from skold.admin.decorators import display

State = UploadInProgress.State
SHADES = {"receiving": "info", "complete": "success", "refused": "danger", "expired": "warning"}
Rows = QuerySet[UploadInProgress]


class SenderFilter(filters.ClientFilter):
    title, parameter_name = _("client"), "client"


class UploadStateFilter(DropdownFilter):  # type: ignore[misc]
    title, parameter_name = _("state"), "state"

    def lookups(self, _request: HttpRequest, _admin: object) -> list[tuple[str, object]]:
        return list(State.choices)

    def queryset(self, _request: HttpRequest, rows: Rows) -> Rows:
        """By the same rules as `UploadInProgress.state`."""
        value = self.value()
        if value == State.REFUSED:
            return rows.filter(refused=True)
        past = rows.filter(refused=False, expires_at__lte=timezone.now())
        expired = past.exclude(offset=F("length"), commit_auto=True)
        if value == State.EXPIRED:
            return expired
        others = rows.filter(refused=False).exclude(pk__in=expired.values("pk"))
        if value == State.COMPLETE:
            return others.filter(offset=F("length"))
        if value == State.RECEIVING:
            return others.exclude(offset=F("length"), length__isnull=False)
        return rows


@admin.register(UploadInProgress)
class UploadInProgressAdmin(ReadOnlyAdmin):
    """A bounded table: the bridge lists the oldest thousand of each node."""

    sortable_by: list[str] = []
    list_fullwidth = True
    list_filter_submit = True
    list_display = ["client", "collection", "progress", "how", "since", "left", "room"]
    list_display_links = ["client"]
    list_filter = [UploadStateFilter, SenderFilter, filters.CollectionFilter]
    list_per_page = 50
    fieldsets = [
        (_("Upload"), {"fields": ["identity", ("client", "collection"), ("progress", "badge")]}),
        (_("Time"), {"fields": [("begun", "expires"), ("seen", "commits_itself")]}),
        (_("Disk"), {"fields": [("where", "room")]}),
    ]
    readonly_fields = [
        "identity", "client", "collection", "progress", "badge", "begun", "expires", "seen",
        "where", "room", "commits_itself",
    ]  # fmt: skip

    @display(description=_("received"))
    def progress(self, upload: UploadInProgress) -> SafeString:
        of = "?" if upload.length is None else size(upload.length)
        words = now_("%(received)s of %(length)s") % {"received": size(upload.offset), "length": of}
        drawn = "" if upload.length is None else bar(_percent(upload.offset, upload.length))
        pattern = '<span class="block">{}<span class="whitespace-nowrap text-xs">{}</span></span>'
        return format_html(pattern, drawn, words)

    @display(description=_("state"), label=SHADES)
    def how(self, upload: UploadInProgress) -> tuple[str, str]:
        return _state(upload)

    @display(description=_("state"))
    def badge(self, upload: UploadInProgress) -> SafeString:
        return badge(*_state(upload), SHADES)

    @display(description=_("begun"))
    def since(self, upload: UploadInProgress) -> SafeString:
        said = now_("%(time)s ago") % {"time": timesince(upload.created_at, depth=1)}
        return _titled(said, upload.created_at)

    @display(description=_("expires"))
    def left(self, upload: UploadInProgress) -> SafeString:
        if upload.expires_at <= timezone.now():
            said = now_("%(time)s ago") % {"time": timesince(upload.expires_at, depth=1)}
        else:
            said = now_("in %(time)s") % {"time": timeuntil(upload.expires_at, depth=1)}
        return _titled(said, upload.expires_at)

    @display(description=_("begun"))
    def begun(self, upload: UploadInProgress) -> SafeString:
        return _with(moment(upload.created_at), self.since(upload))

    @display(description=_("expires"))
    def expires(self, upload: UploadInProgress) -> SafeString:
        return _with(moment(upload.expires_at), self.left(upload))

    @display(description=_("on disk"))
    def room(self, upload: UploadInProgress) -> SafeString:
        return format_html('<span class="whitespace-nowrap">{}</span>', size(upload.held))

    @display(description=_("storage root"))
    def where(self, upload: UploadInProgress) -> str:
        return f"{upload.node}/{upload.root}"

    @display(description=_("id"))
    def identity(self, upload: UploadInProgress) -> SafeString:
        return mono(upload.id)

    @display(description=_("seen"))
    def seen(self, upload: UploadInProgress) -> SafeString:
        return moment(upload.seen_at)

    @display(description=_("commit"))
    def commits_itself(self, upload: UploadInProgress) -> str:
        return now_("by its last byte") if upload.commit_auto else now_("by its client")


def _state(upload: UploadInProgress) -> tuple[str, str]:
    state = State(upload.state)
    return state.value, str(state.label)


def _percent(offset: int, length: int) -> int:
    return 100 * offset // length if length else 100


def _titled(said: str, time: dt.datetime) -> SafeString:
    return format_html('<span class="whitespace-nowrap" title="{}">{}</span>', plain(time), said)


def _with(shown: SafeString, said: SafeString) -> SafeString:
    return format_html(
        '<span class="block">{} <span class="text-xs">({})</span></span>', shown, said
    )
