"""What the page of one source shows, in the order in which somebody wants to know it.

No query grows with the files: lists end after SHOWN rows, numbers after progress.COUNTED.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from contentserver.admin.words import size
from migrator.admin import progress
from migrator.admin.acts import ACTS
from migrator.admin.progress import grouped
from migrator.admin.ways import ways_of
from migrator.models import Difference, Source, Verification

SHOWN = 10
DAYS = 14
ORDER = tuple(Source.Mode)


@dataclass(frozen=True, slots=True)
class Step:
    """One mode on the way from legacy to disk."""

    mode: str
    words: str
    state: str
    """"passed", "now" or "ahead"."""


def page_of(request: HttpRequest, source: Source) -> dict[str, Any]:
    """The template's context."""
    verification = source.verifications.first()
    return {
        "steps": steps(source),
        "is_synchronised": progress.is_synchronised(source),
        "percent": progress.percent(source),
        "headline": progress.headline(source),
        "held": progress.held_back(source),
        "figures": progress.figures(source),
        "ways": ways_of(source),
        "alarms": source.alarms.filter(settled_at=None)[:SHOWN],
        "alarm_count": progress.open_alarms(source),
        "errors": source.errors.all()[:SHOWN],
        "error_names": error_names(source),
        "applications": source.applications.all(),
        "addresses": source.addresses.select_related("client"),
        "verification": verification,
        "verification_differs": verification is not None and differs(verification),
        "verified": verified(verification) if verification else [],
        "differences": open_differences(source)[:SHOWN],
        "difference_count": progress.bounded(open_differences(source)),
        "cutovers": source.cutovers.all()[:SHOWN],
        "days": source.days.all()[:DAYS],
        "day_names": [_("day"), _("from legacy"), _("imported"), _("unchecked"), _("compared"),
                      _("different")],
        "facts": facts(source),
        "may": {name.replace("-", "_"): request.user.has_perm(act.permission)
                for name, act in ACTS.items()},
        "lists": {name: f"{reverse(f'admin:migrator_{name}_changelist')}?source__name={source.pk}"
                  for name in ("recorderror", "difference", "alarm", "verification", "cutover")},
    }  # fmt: skip


def verified(found: Verification) -> list[tuple[str, str, str]]:
    """Name, number and a word of each figure."""
    return [
        (_("Compared"), grouped(found.compared), size(found.compared_bytes)),
        (_("Equal"), grouped(found.equal), _("byte for byte")),
        (_("Missing here"), grouped(found.missing_here), _("in legacy, not on disk")),
        (_("Missing in legacy"), grouped(found.missing_there), _("on disk, not in legacy")),
        (_("Different"), grouped(found.different), _("same key, other bytes")),
        (_("Unreadable"), grouped(found.unreadable), _("on one of the two sides")),
    ]


def differs(found: Verification) -> bool:
    """Whether anything was not equal that was not just on its way, or erased."""
    return bool(found.missing_here or found.missing_there or found.different or found.unreadable)


def steps(source: Source) -> list[Step]:
    """All modes, and where this source is."""
    here = ORDER.index(Source.Mode(source.mode))
    words = (_("from legacy"), _("from legacy, compared"), _("from disk, sync on"),
             _("from disk, written back"), _("from disk alone"))  # fmt: skip
    return [
        Step(mode.value, words[place], "passed" if place < here else "now" if place == here
             else "ahead")
        for place, mode in enumerate(ORDER)
    ]  # fmt: skip


def error_names(source: Source) -> list[tuple[str, str]]:
    """Each name of an error with how many records have it, and the address of their list."""
    found = Counter(source.errors.values_list("error", flat=True)[: progress.COUNTED])
    url = reverse("admin:migrator_recorderror_changelist")
    return [
        (f"{name} · {grouped(count)}", f"{url}?source__name={source.pk}&error={name}")
        for name, count in found.most_common()
    ]


def open_differences(source: Source) -> Any:
    return Difference.objects.filter(source=source, resolved_at=None)


def facts(source: Source) -> list[tuple[str, str]]:
    """How the source is described and synchronised."""
    description = source.description
    records, content = description.get("records", {}), description.get("content", {})
    where = content.get("table") or records.get("table", "")
    codec = content.get("codec", "none")
    rate = source.max_rate
    quiet = source.quiet_from and source.quiet_to
    return [
        (_("Collection"), description.get("collection", "")),
        (_("Keys"), description.get("key", "")),
        (_("Legacy records"), records.get("table", "")),
        (_("Content"), _("%(kind)s in %(table)s, codec %(codec)s")
         % {"kind": content.get("kind", ""), "table": where, "codec": codec}),
        (_("Changes are found by"), source.get_capture_display()),
        (_("Limit"), _("%(rate)s bytes a second") % {"rate": rate} if rate else _("none")),
        (_("Quiet hours"), f"{source.quiet_from:%H:%M} - {source.quiet_to:%H:%M}" if quiet
         else _("none")),
        (_("Connections to legacy"), str(source.connections)),
        (_("Compared in shadow"), f"{source.shadow_share} %"),
    ]  # fmt: skip
