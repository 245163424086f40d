"""An access as one line of a table."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from skold import audit_words as words
from skold.models import AuditRecord
from skold.reason_words import reason_in_words

register = template.Library()


@dataclass(frozen=True, slots=True)
class Told:
    """What the line says."""

    at: str
    url: str
    what: str
    version: str
    person: str
    client: str
    file: str
    file_url: str
    network: str
    result: str
    shade: str


@register.simple_tag
def access(row: Any) -> Told:
    """Of a record to which join_halves has given `request` and `end`."""
    request: AuditRecord = row.request or row
    end: AuditRecord | None = row.end
    shade, result = _result(request, end)
    person = words.person_of(request, "end_user")
    client = request.client or ""
    return Told(
        at=timezone.localtime(request.at).strftime("%Y-%m-%d %H:%M:%S"),
        url=reverse("admin:skold_auditrecord_change", args=[request.pk]),
        what=_what(words.action_of(request), request),
        version=(end.version if end else None) or request.version or "",
        person=person or client or "—",
        client=client if person else "",
        file=words.file_of(request, request),
        file_url=file_url(request.address) if request.address else "",
        network=words.person_of(request, "network"),
        result=result,
        shade=shade,
    )


def file_url(address: str) -> str:
    """The story of a file."""
    return f"{reverse('admin:skold_auditrecord_file_story')}?address={address}"


def _what(action: str, request: AuditRecord) -> str:
    if request.end_user_known == "signed_url":
        return _("%(action)s, by a signed URL") % {"action": action}
    return action


def _result(request: AuditRecord, end: AuditRecord | None) -> tuple[str, str]:
    if request.decision == "refuse":
        return "danger", reason_in_words(request.reason or "refused")
    if end is None or end.status is None:
        return "warning", _("no end")
    return words.SHADES.get(end.status // 100, ""), str(end.status)
