"""Changes of mode with their certificates, to read and to hand on."""

import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from contentserver.admin.lists import KeysetAdmin
from contentserver.admin.words import link, moment
from migrator.models import CutOver
from skold.admin.decorators import display


@admin.register(CutOver)
class CutOverAdmin(KeysetAdmin):
    keyset = ("-asked_at", "-id")
    list_display = ["source", "change", "asked_by", "asked", "signed", "download"]
    list_filter = ["source"]
    show_facets = admin.ShowFacets.NEVER
    readonly_fields = ["change", "asked", "signed", "download", "told"]
    fields = ["source", "change", "asked_by", "asked", "signed", "download", "told"]

    def get_urls(self) -> list[Any]:
        """The certificate as a file."""
        view = self.admin_site.admin_view(self.certificate_view)
        name = "migrator_cutover_certificate"
        return [path("<path:object_id>/certificate/", view, name=name), *super().get_urls()]

    def certificate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The signed statement, as `manage.py` and anybody with the verify key can check it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        wanted = int(object_id) if object_id.isdecimal() and len(object_id) < 18 else 0
        cutover = get_object_or_404(CutOver.objects.exclude(certificate=None), pk=wanted)
        text = json.dumps(cutover.certificate, indent=2, ensure_ascii=False)
        answer = HttpResponse(f"{text}\n", content_type="application/json")
        name = f"{cutover.source_id}-{cutover.to_mode}-{cutover.asked_at:%Y%m%dT%H%M%SZ}.json"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    @display(description=_("mode"))
    def change(self, row: CutOver) -> str:
        return f"{row.from_mode} → {row.to_mode}"

    @display(description=_("asked"))
    def asked(self, row: CutOver) -> SafeString:
        return moment(row.asked_at)

    @display(description=_("signed"))
    def signed(self, row: CutOver) -> SafeString | str:
        return moment(row.signed_at) if row.signed_at else str(_("not yet"))

    @display(description=_("certificate"))
    def download(self, row: CutOver) -> SafeString | str:
        if row.certificate is None:
            return "—"
        return link(reverse("admin:migrator_cutover_certificate", args=[row.pk]), _("download"))

    @display(description=_("statement"))
    def told(self, row: CutOver) -> SafeString:
        text = json.dumps(row.statement, indent=2, ensure_ascii=False)
        pattern = '<pre style="white-space:pre-wrap;overflow-wrap:anywhere">{}</pre>'
        return format_html(pattern, text)
