"""Uploads in progress: who is sending what where, how far it has come, when it will be removed."""

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
from contentserver.admin.words import moment, mono, size
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
    list_display = ["client", "collection", "progress", "how", "begun", "expiry", "room", "where"]
    list_display_links = ["client"]
    list_filter = [UploadStateFilter, SenderFilter, filters.CollectionFilter]
    list_per_page = 50
    fieldsets = [
        (_("Upload"), {"fields": ["identity", ("client", "collection"), ("progress", "how")]}),
        (_("Time"), {"fields": [("begun", "expiry"), "seen"]}),
        (_("Disk"), {"fields": [("where", "room"), "commits_itself"]}),
    ]
    readonly_fields = [
        "identity", "client", "collection", "progress", "how", "begun", "expiry", "seen", "where",
        "room", "commits_itself",
    ]  # fmt: skip

    @display(description=_("received"))
    def progress(self, upload: UploadInProgress) -> SafeString | str:
        if upload.length is None:
            return now_("%(size)s, length not known yet") % {"size": size(upload.offset)}
        percent = 100 * upload.offset // upload.length if upload.length else 100
        words = now_("%(received)s of %(length)s") % {
            "received": size(upload.offset),
            "length": size(upload.length),
        }
        pattern = '{}<span class="whitespace-nowrap text-xs">{}</span>'
        return format_html(pattern, bar(percent), words)

    @display(description=_("state"), label=SHADES)
    def how(self, upload: UploadInProgress) -> tuple[str, str]:
        return upload.state, str(State(upload.state).label)

    @display(description=_("begun"))
    def begun(self, upload: UploadInProgress) -> SafeString:
        said = now_("%(time)s ago") % {"time": timesince(upload.created_at, depth=1)}
        return _with(moment(upload.created_at), said)

    @display(description=_("expires"))
    def expiry(self, upload: UploadInProgress) -> SafeString:
        if upload.expires_at <= timezone.now():
            said = now_("%(time)s ago") % {"time": timesince(upload.expires_at, depth=1)}
        else:
            said = now_("in %(time)s") % {"time": timeuntil(upload.expires_at, depth=1)}
        return _with(moment(upload.expires_at), said)

    @display(description=_("on disk"))
    def room(self, upload: UploadInProgress) -> str:
        return size(upload.held)

    @display(description=_("storage root"))
    def where(self, upload: UploadInProgress) -> str:
        return f"{upload.node}/{upload.root}"

    @display(description=_("id"))
    def identity(self, upload: UploadInProgress) -> SafeString:
        return mono(upload.id)

    @display(description=_("seen"))
    def seen(self, upload: UploadInProgress) -> SafeString:
        return moment(upload.seen_at)

    @display(description=_("commits itself"), boolean=True)
    def commits_itself(self, upload: UploadInProgress) -> bool:
        return upload.commit_auto


def _with(shown: SafeString, said: str) -> SafeString:
    return format_html('{}<span class="block text-xs">{}</span>', shown, said)
