"""An access in words, for people who are not at home in the format."""

import re
from typing import Any

from django.apps import apps
from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from skold.models import Action, AuditRecord
from skold.reason_words import PLACES, reason_in_words

ADMIN_PAGE = re.compile(r"(?P<app>[a-z]+)_(?P<model>[a-z]+)_[a-z_]+(:(?P<id>.+))?", re.DOTALL)
SHADES = {0: "warning", 2: "success", 3: "info", 4: "warning", 5: "danger"}
"""Colours of a status by its first digit; 0 where none is recorded."""


def person_of(record: AuditRecord, name: str) -> str:
    """A field of the personal part; empty where there is none or it was redacted."""
    value = record.private.get(name) if isinstance(record.private, dict) else None
    return str(value) if value is not None else ""


def file_of(record: AuditRecord, request: AuditRecord | None) -> str:
    """Collection and key, as far as they are known."""
    source = request or record
    key = person_of(source, "key")
    if source.collection:
        return f"{source.collection} / {key}" if key else source.collection
    return resource_of(source.resource or record.resource or "—")


def resource_of(text: str) -> str:
    """A page of the admin by the names of its model; others by their words, or as they are."""
    if text in PLACES:
        return str(PLACES[text])
    page = ADMIN_PAGE.fullmatch(text)
    if page is None:
        return text
    try:
        model = apps.get_model(page["app"], page["model"])._meta
    except LookupError:
        return text
    if page["id"]:
        return f"{model.verbose_name} {page['id']}"
    return str(model.verbose_name_plural)


def action_of(record: AuditRecord) -> str:
    """The action in words."""
    labels = dict(Action.choices)
    return str(labels.get(record.action or "", record.action or record.kind))


def duration(microseconds: int | None) -> str:
    """`3.2 ms`, `1.5 s`."""
    if microseconds is None:
        return "—"
    if microseconds < 1_000_000:
        return _("%(number)s ms") % {"number": number_format(microseconds / 1000, 1)}
    return _("%(number)s s") % {"number": number_format(microseconds / 1_000_000, 1)}


def size(count: int | None) -> str:
    """`64.0 KB`; a dash where nothing was sent."""
    return str(filesizeformat(count)) if count else "—"


def sentences(request: AuditRecord | None, end: AuditRecord | None) -> list[str]:
    """Who asked for what, what was decided, how it ended."""
    told = []
    if request is not None:
        told += [_asked(request), _decided(request)]
    if end is not None:
        told.append(_ended(end))
    elif request is not None:
        told.append(_("No end is recorded: it is still going on, or it was broken off."))
    return told


def _asked(request: AuditRecord) -> str:
    person = person_of(request, "end_user")
    words = {
        "who": request.client or person or _("somebody unknown"),
        "method": request.method or "",
        "what": file_of(request, request),
        "person": person,
    }
    if person and request.client:
        return _("%(who)s, for %(person)s, asked: %(method)s %(what)s.") % words
    return _("%(who)s asked: %(method)s %(what)s.") % words


def _decided(request: AuditRecord) -> str:
    words = {"reason": reason_in_words(request.reason or "—"), "rule": request.rule or "—"}
    if request.decision == "allow":
        return _("It was allowed by %(rule)s.") % words if request.rule else _("It was allowed.")
    return _("It was refused: %(reason)s.") % words


def _ended(end: AuditRecord) -> str:
    words: dict[str, Any] = {
        "status": end.status if end.status is not None else "—",
        "duration": duration(end.microseconds),
    }
    if end.bytes is None:
        return _("It was answered %(status)s after %(duration)s.") % words
    words |= {"count": number_format(end.bytes, force_grouping=True)}
    return (
        ngettext(
            "It was answered %(status)s with %(count)s byte after %(duration)s.",
            "It was answered %(status)s with %(count)s bytes after %(duration)s.",
            end.bytes,
        )
        % words
    )
