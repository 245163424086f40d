"""Files and versions: found, looked at, downloaded through the data plane; never changed."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from contentserver.admin import filters
from contentserver.admin.downloads import download_url
from contentserver.admin.lists import KeysetAdmin
from contentserver.admin.words import badge, link, moment, mono, size
from contentserver.catalog.links import NotAcceptedError, redirect_to
from contentserver.catalog.models import Collection, File, StoredVersion
from contentserver.protocol.dispositions import sanitise_filename
from skold.admin.actors import actor_of
from skold.admin.decorators import action, display

SHADES = {"stored": "success", "deleted": "danger", "imported": "info"}
VERSIONS_SHOWN = 20


@admin.register(File)
class FileAdmin(KeysetAdmin):
    list_display = ["name", "collection", "version", "kind", "bytes", "stored", "by", "state"]
    list_display_links = ["name"]
    list_filter = [
        filters.CollectionFilter,
        filters.YearFilter,
        filters.StateFilter,
        filters.ClientFilter,
        filters.MediaTypeFilter,
        ("committed_at", filters.PeriodFilter),
    ]
    keyset = ("-committed_at", "-id")
    search_fields = ["key"]
    search_help_text = _("What the key begins with, or the address of a file")
    fieldsets = [
        (_("File"), {"fields": ["key", ("collection", "badge")]}),
        (
            _("Latest version"),
            {
                "fields": [
                    ("version", "stored"),
                    ("kind", "bytes"),
                    ("shown_filename", "by"),
                    "digest",
                ]
            },
        ),
        (_("Versions"), {"fields": ["versions"]}),
        (_("Where it is found"), {"fields": ["address", "audit"]}),
    ]
    readonly_fields = [
        "badge", "address", "version", "stored", "by", "kind", "bytes", "digest", "audit",
        "versions", "shown_filename",
    ]  # fmt: skip
    actions_detail = ["download", "accesses"]

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[File], search_term: str
    ) -> tuple[QuerySet[File], bool]:
        """By the beginning of the key, which the index of each collection has; or by address."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if len(term) == 32 and set(term) <= set("0123456789abcdef"):
            return queryset.filter(pk=uuid.UUID(term)), False
        found = Q(pk=None)
        for name in Collection.objects.values_list("name", flat=True):
            found |= Q(collection=name, key__startswith=term)
        return queryset.filter(found), False

    def has_download_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return bool(request.user.has_perm("contentserver.download_file"))

    @action(
        description=_("Download"), icon="download", url_path="content", permissions=["download"]
    )
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the data plane, which records the reading under this person's name."""
        file = self.get_object(request, object_id)
        if file is None:
            raise Http404
        if not self.has_view_permission(request, file):
            raise PermissionDenied
        try:
            url = download_url(
                actor=actor_of(request),
                username=request.user.get_username(),
                file=file,
                address=request.META["REMOTE_ADDR"],
                version=request.GET.get("version"),
            )
        except (NotAcceptedError, ValidationError):
            text = now_("No valid link could be made now. Is the bridge running? Try again.")
            messages.error(request, text)
            return HttpResponseRedirect(_change_url(file))
        return redirect_to(url)

    @action(description=_("Who accessed it"), icon="policy", url_path="accesses")
    def accesses(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """The audit of this file."""
        try:
            return HttpResponseRedirect(_audit_url(uuid.UUID(object_id)))
        except ValueError as error:
            raise Http404 from error

    @display(description=_("key"))
    def name(self, file: File) -> SafeString:
        return format_html('<span style="overflow-wrap:anywhere">{}</span>', file.key)

    @display(description=_("media type"))
    def kind(self, file: File) -> str:
        return file.media_type or "—"

    @display(description=_("size"))
    def bytes(self, file: File) -> str:
        return "—" if file.deleted else size(file.size)

    @display(description=_("stored"))
    def stored(self, file: File) -> SafeString:
        return moment(file.committed_at)

    @display(description=_("file name"))
    def shown_filename(self, file: File) -> str:
        return sanitise_filename(file.filename) or "—"

    @display(description=_("stored by"))
    def by(self, file: File) -> str:
        return file.created_by or "—"

    @display(description=_("state"), label=SHADES)
    def state(self, file: File) -> tuple[str, str]:
        return ("deleted", str(_("deleted"))) if file.deleted else ("stored", str(_("stored")))

    @display(description=_("state"))
    def badge(self, file: File) -> SafeString:
        return badge(*self.state(file), SHADES)

    @display(description=_("address"))
    def address(self, file: File) -> SafeString:
        return mono(file.address)

    @display(description=_("SHA-256"))
    def digest(self, file: File) -> SafeString | str:
        return mono(memoryview(file.sha256).hex()) if file.sha256 else "—"

    @display(description=_("audit"))
    def audit(self, file: File) -> SafeString:
        return link(_audit_url(file.pk), _("Every access to this file"))

    @display(description=_("versions"))
    def versions(self, file: File) -> SafeString:
        """The newest ones, each with its own link to the bytes."""
        rows = list(file.versions.order_by("-year", "-number")[: VERSIONS_SHOWN + 1])
        shown = format_html_join("", _ROW, (_cells(file, row) for row in rows[:VERSIONS_SHOWN]))
        more: SafeString | str = ""
        if len(rows) > VERSIONS_SHOWN:
            url = reverse("admin:contentserver_storedversion_changelist")
            more = link(f"{url}?q={file.address}", _("All versions"))
        return format_html(_TABLE, shown, more)


_TABLE = '<table class="w-full text-left"><tbody>{}</tbody></table>{}'
_CELL = '<td class="py-1.5 pr-4 whitespace-nowrap">{}</td>'
_ROW = f'<tr class="border-b border-base-200 dark:border-base-800">{_CELL * 5}</tr>'


def _cells(file: File, version: StoredVersion) -> tuple[object, ...]:
    if version.deleted:
        return version.version, moment(version.committed_at), _("delete marker"), "", ""
    url = (
        f"{reverse('admin:contentserver_file_download', args=[file.pk])}?version={version.version}"
    )
    return (
        version.version,
        moment(version.committed_at),
        size(version.size),
        version.created_by,
        link(url, _("Download")),
    )


@admin.register(StoredVersion)
class StoredVersionAdmin(KeysetAdmin):
    list_display = ["version", "of_file", "kind", "bytes", "stored", "created_by", "state"]
    list_display_links = ["version"]
    list_select_related = ["file"]
    list_filter = [("committed_at", filters.PeriodFilter)]
    keyset = ("-committed_at", "-id")
    search_fields = ["file"]
    search_help_text = _("Address of a file")
    fieldsets = [
        (_("Version"), {"fields": ["of_file", ("version", "badge"), ("stored", "created_by")]}),
        (_("Content"), {"fields": [("kind", "bytes"), "shown_filename", "digest"]}),
        (_("Origin"), {"fields": [("on_behalf_of", "data_subject"), ("source", "original_time")]}),
        (_("Further facts"), {"fields": ["facts", "identity"]}),
    ]
    readonly_fields = [
        "version", "of_file", "badge", "stored", "kind", "bytes", "digest", "facts",
        "shown_filename",
    ]  # fmt: skip

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[StoredVersion], search_term: str
    ) -> tuple[QuerySet[StoredVersion], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(file_id=uuid.UUID(term)), False
        except ValueError:
            return queryset.none(), False

    @display(description=_("file"))
    def of_file(self, version: StoredVersion) -> SafeString:
        return link(_change_url(version.file), version.file)

    @display(description=_("media type"))
    def kind(self, version: StoredVersion) -> str:
        return version.media_type or "—"

    @display(description=_("size"))
    def bytes(self, version: StoredVersion) -> str:
        return "—" if version.deleted else size(version.size)

    @display(description=_("stored"))
    def stored(self, version: StoredVersion) -> SafeString:
        return moment(version.committed_at)

    @display(description=_("SHA-256"))
    def digest(self, version: StoredVersion) -> SafeString | str:
        return mono(memoryview(version.sha256).hex()) if version.sha256 else "—"

    @display(description=_("file name"))
    def shown_filename(self, version: StoredVersion) -> str:
        return sanitise_filename(version.filename) or "—"

    @display(description=_("custom metadata"))
    def facts(self, version: StoredVersion) -> SafeString | str:
        pairs = sorted(version.custom.items())
        return format_html_join(SafeString("<br>"), "{}: <strong>{}</strong>", pairs) or "—"

    @display(description=_("state"))
    def badge(self, version: StoredVersion) -> SafeString:
        return badge(*self.state(version), SHADES)

    @display(description=_("state"), label=SHADES)
    def state(self, version: StoredVersion) -> tuple[str, str]:
        if version.deleted:
            return "deleted", str(_("delete marker"))
        return (
            ("imported", str(_("imported"))) if version.imported else ("stored", str(_("stored")))
        )


def _change_url(file: File) -> str:
    return reverse("admin:contentserver_file_change", args=[file.pk])


def _audit_url(address: uuid.UUID) -> str:
    return f"{reverse('admin:skold_auditrecord_changelist')}?q={address.hex}"
