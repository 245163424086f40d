"""Pages of the audit besides its list: overview, people and files, stories, proof, export.

Each asks for the permission to see the audit, and stands in it: AdminAuditMiddleware records what
was asked for before a page is made.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from skold.admin import audit_exports, dashboard, story
from skold.admin.audit_exports import ExportForm
from skold.admin.decorators import action
from skold.control import review_parts
from skold.exporting import ExportError
from skold.ledger.bundles import LedgerDamagedError
from skold.ledger.proofs import NoCheckpointError, NotInTreeError
from skold.listing.pages import SearchTooWide
from skold.listing.reading import TookTooLong
from skold.review.proving import ProofFailedError, prove

TEMPLATES = "admin/skold/auditrecord"


class AuditPages:
    """Mix in before ModelAdmin."""

    admin_site: Any
    has_view_permission: Callable[..., bool]
    get_object: Callable[..., Any]
    get_changelist_instance: Callable[..., Any]
    actions_detail = ["proof", "file"]
    list_before_template = f"{TEMPLATES}/bar.html"

    def get_urls(self) -> list[URLPattern]:
        pages = {
            "dashboard": ("dashboard/", self.dashboard_page),
            "people": ("people/", self.people_page),
            "file_story": ("file/", self.file_page),
            "person_story": ("person/", self.person_page),
            "export": ("export/", self.export_page),
        }
        mine = [
            path(route, self.admin_site.admin_view(view), name=f"skold_auditrecord_{name}")
            for name, (route, view) in pages.items()
        ]
        return [*mine, *super().get_urls()]  # type: ignore[misc]

    def dashboard_page(self, request: HttpRequest) -> HttpResponse:
        """How the audit stands, at a glance."""
        self._check(request)
        return self._render(request, "dashboard", _("Audit"), dashboard.overview(request))

    def people_page(self, request: HttpRequest) -> HttpResponse:
        """Where somebody asks for the story of a file or a person."""
        self._check(request)
        return self._render(request, "people", _("People & files"), {})

    def file_page(self, request: HttpRequest) -> HttpResponse:
        """The story of one file."""
        self._check(request)
        return self._story(request, "file_story", _("Story of a file"), story.file_story(request))

    def person_page(self, request: HttpRequest) -> HttpResponse:
        """The story of one person."""
        self._check(request)
        told = story.person_story(request)
        return self._story(request, "person_story", _("Story of a person"), told)

    def export_page(self, request: HttpRequest) -> HttpResponseBase:
        """Ask how (GET), answer with the .zip (POST)."""
        self._check(request)
        found = self._find(request)
        if found is None:
            return HttpResponseRedirect(_list_url(request))
        form = ExportForm(
            request.POST if request.method == "POST" else None, initial={"private": True}
        )
        if request.method == "POST" and form.is_valid():
            try:
                return audit_exports.answer(request, found, request.GET.dict(), form.cleaned_data)
            except (ExportError, LedgerDamagedError, OSError) as error:
                messages.error(request, str(error))
        context = {
            "form": form,
            "chosen": found,
            "records": len(found.leaves),
            "limit": audit_exports.limit(),
            "filters": sorted(request.GET.items()),
            "list_url": _list_url(request),
        }
        return self._render(request, "export", _("Export with proofs"), context)

    @action(description=_("Proof"), icon="verified", url_path="proof", permissions=["view"])
    def proof(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """That the record stands in the ledger, verified now; `?download` gives the proof."""
        record = self._record(request, object_id)
        context: dict[str, Any] = {"record": record}
        parts = review_parts.get()
        if record.node != parts.node:
            words = _("Its ledger lies on the node %(node)s; ask there.") % {"node": record.node}
            return self._render(request, "proof", _("Proof"), {**context, "missing": words})
        try:
            context["proof"] = proof = prove(parts, record.leaf_index, bytes(record.body))
        except (NotInTreeError, NoCheckpointError) as error:
            context["missing"] = str(error)
        except (ProofFailedError, LedgerDamagedError, OSError) as error:
            context["failed"] = str(error)
        else:
            if "download" in request.GET:
                return _attachment(record, proof.text)
            context["index"] = number_format(proof.index, force_grouping=True)
            context["size"] = number_format(proof.size, force_grouping=True)
        return self._render(request, "proof", _("Proof"), context)

    @action(
        description=_("Story of the file"), icon="history", url_path="file", permissions=["view"]
    )
    def file(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the story of the file that the record is about."""
        record = self._record(request, object_id)
        if not record.address:
            messages.warning(request, _("This record is about no file."))
            return HttpResponseRedirect(reverse("admin:skold_auditrecord_change", args=[record.pk]))
        url = reverse("admin:skold_auditrecord_file_story")
        return HttpResponseRedirect(f"{url}?address={record.address}")

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _record(self, request: HttpRequest, object_id: str) -> Any:
        self._check(request)
        record = self.get_object(request, object_id)
        if record is None:
            raise Http404
        return record

    def _find(self, request: HttpRequest) -> Any:
        try:
            return audit_exports.chosen_of(self.get_changelist_instance(request).queryset)
        except (TookTooLong, SearchTooWide):
            messages.error(request, _("These are too many to be found in time. Narrow the period."))
        except IncorrectLookupParameters:
            messages.error(request, _("One of these filters is none. Choose them in the list."))
            request.GET = QueryDict()
        return None

    def _story(
        self, request: HttpRequest, name: str, title: Any, told: dict[str, Any] | None
    ) -> HttpResponse:
        if told is None:
            messages.error(request, _("Nothing can be called so. Look for typing errors."))
            return HttpResponseRedirect(reverse("admin:skold_auditrecord_people"))
        return self._render(request, name, title, told)

    def _render(
        self, request: HttpRequest, name: str, title: Any, context: dict[str, Any]
    ) -> HttpResponse:
        given = {
            **self.admin_site.each_context(request),
            "title": title,
            **context,
        }
        return render(request, f"{TEMPLATES}/{name}.html", given)


def _attachment(record: Any, text: str) -> HttpResponse:
    name = f"{record.node}-{record.leaf_index}.tlog-proof"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def _list_url(request: HttpRequest) -> str:
    return f"{reverse('admin:skold_auditrecord_changelist')}?{request.GET.urlencode()}"
