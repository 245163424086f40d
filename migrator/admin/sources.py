"""Sources in the admin: a list, and one page for each that shows how far it is and what is wrong.

Changing a mode is not done here: `manage.py cutover` does, and the page shows it ready to copy.
"""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from contentserver.admin.layout import bar
from contentserver.admin.lists import ReadOnlyAdmin
from migrator.admin import progress
from migrator.admin.acts import ACTS
from migrator.admin.page import page_of
from migrator.models import Source
from skold.admin.decorators import display
from skold.control.middleware import unrecorded

MODES = {"legacy": "", "shadow": "info", "hybrid": "primary", "writeback": "warning",
         "disk": "success"}  # fmt: skip


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = ["name", "answers", "how_far", "waiting", "failed", "alarmed"]

    def get_urls(self) -> list[Any]:
        """The page's own addresses: its figures, and one for each act."""
        site = self.admin_site
        figures = path(
            "<path:object_id>/progress/",
            site.admin_view(self.progress_view),
            name="migrator_source_progress",
        )
        acts = [
            path(
                f"<path:object_id>/{act}/",
                site.admin_view(self.act_view),
                {"act": act},
                name=f"migrator_source_{act.replace('-', '_')}",
            )
            for act in ACTS
        ]
        return [figures, *acts, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, _form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Everything about one source."""
        source = self._get(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": source.name,
            "opts": self.opts,
            "original": source,
            "source": source,
            **page_of(request, source),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/migrator/source.html", context)

    @unrecorded
    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Counts and times as JSON: no names, no content, each two seconds."""
        source = self._get(request, object_id)
        return JsonResponse(progress.as_json(source, _sample(request)))

    def act_view(self, request: HttpRequest, object_id: str, act: str) -> HttpResponseBase:
        """Do one of ACTS, and back to the page with what came of it."""
        source = self._get(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        chosen = ACTS[act]
        if not request.user.has_perm(chosen.permission):
            raise PermissionDenied
        level, said = chosen.perform(request, source)
        messages.add_message(request, level, said)
        return HttpResponseRedirect(reverse("admin:migrator_source_change", args=[source.pk]))

    def _get(self, request: HttpRequest, name: str) -> Source:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Source, pk=name)

    @display(description=_("mode"), label=MODES)
    def answers(self, source: Source) -> tuple[str, str]:
        return source.mode, source.mode

    @display(description=_("progress"))
    def how_far(self, source: Source) -> SafeString:
        return bar(progress.percent(source))

    @display(description=_("changes waiting"))
    def waiting(self, source: Source) -> str:
        return progress.lag(source)

    @display(description=_("records that failed"))
    def failed(self, source: Source) -> str:
        return progress.bounded(source.errors.all())

    @display(description=_("alarms"), label={"open": "danger", "none": "success"})
    def alarmed(self, source: Source) -> tuple[str, str]:
        found = progress.open_alarms(source)
        return ("open", now_("%(count)d open") % {"count": found}) if found else ("none", now_("0"))


def _sample(request: HttpRequest) -> progress.Sample | None:
    """What the page saw last; None where it did not say, or said nonsense."""
    given = request.GET
    try:
        return progress.Sample(float(given["at"]), int(given["files"]), int(given["bytes"]))
    except (KeyError, ValueError, OverflowError):
        return None
