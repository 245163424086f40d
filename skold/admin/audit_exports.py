"""The export of what is on the screen: the records of the current filters, all pages, with proofs.

The .zip can be verified anywhere, with the program inside or with the auditor's own copy of it.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from skold.admin.actors import actor_of
from skold.control import review_parts
from skold.control.recording import ControlAccess
from skold.exporting import ExportOptions, Selection, stream_zip
from skold.exporting.download import download
from skold.models.audit import AuditQuerySet
from skold.review.selection import Chosen, choose


class ExportForm(forms.Form):
    """How the export is to look."""

    format = forms.ChoiceField(
        label=_("Format"),
        choices=[("jsonl", _("JSON Lines")), ("csv", _("CSV, for spreadsheets"))],
        widget=UnfoldAdminSelectWidget,
    )
    private = forms.BooleanField(
        label=_("With the personal parts"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Names, keys and addresses. The proofs hold without them, too."),
    )


def limit() -> int:
    """Records of one export."""
    return int(getattr(settings, "SKOLD_EXPORT_LIMIT", 100_000))


def chosen_of(rows: AuditQuerySet) -> Chosen:
    """The leaves that the export will hold. Raises TookTooLong."""
    return choose(rows, review_parts.get().node, limit())


def answer(
    request: HttpRequest, chosen: Chosen, filters: Mapping[str, str], given: Mapping[str, Any]
) -> StreamingHttpResponse:
    """The .zip as an attachment. Raises ExportError, LedgerDamagedError before the first byte."""
    parts = review_parts.get()
    options = ExportOptions(
        format=given["format"],
        private=given["private"],
        filters=filters,
        made_by=actor_of(request),
        keys=[str(verifier) for verifier in parts.verifiers()],
    )
    chunks = stream_zip(parts.ledger, Selection.of(chosen.leaves), options)
    name = f"audit-{parts.node}-{timezone.localtime():%Y%m%d-%H%M%S}.zip"
    answered = download(request, chunks, name)
    _say(request, len(chosen.leaves))
    return answered


def _say(request: HttpRequest, records: int) -> None:
    access = getattr(request, "control_access", None)
    if isinstance(access, ControlAccess):
        access.said["records"] = records
