"""The admin's first page: what needs a look now. No query here grows with what is stored."""

import datetime as dt
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contentserver import runtime
from contentserver.admin.words import size
from contentserver.catalog.models import StorageRoot, StoredVersion
from contentserver.catalog.staged import UploadInProgress
from contentserver.looks import Look, found_for
from skold.admin.dashboard import chart
from skold.admin.findings import open_findings
from skold.models import LedgerMark
from skold.review.figures import SCALES

COUNTED = 10_000
"""Versions counted at most: walking the index further would cost what the number is not worth."""
PATIENCE = 2.0  # seconds
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Never through a proxy that the environment names for the world outside."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its name and what it means, as text."""

    name: str
    value: str
    words: str


def add_figures(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK. Each figure is shown to whom the list behind it is open."""
    ready = _readiness(f"{settings.CONFIG.public_url}/readyz")
    numbers = [*_stored(request), *_uploads(request), *_lags(), *_room(request)]
    looks = [*_findings(request), *found_for(request)]
    figures = {**ready, "looks": looks, "numbers": numbers}
    return {**context, "figures": figures, "audit_chart": _audit_chart(request)}


def _findings(request: HttpRequest) -> Iterator[Look]:
    if not request.user.has_perm("skold.view_finding"):
        return
    count = open_findings()
    if count:
        words = ngettext(
            "%(count)d finding in the audit waits for a verdict",
            "%(count)d findings in the audit wait for a verdict",
            count,
        )
        url = f"{reverse('admin:skold_finding_changelist')}?verdict__exact=open"
        yield Look(words % {"count": count}, url)


def _audit_chart(request: HttpRequest) -> dict[str, Any] | None:
    """Accesses of a day, for those who may see the audit."""
    if not request.user.has_perm("skold.view_auditrecord"):
        return None
    return chart(SCALES["24h"], timezone.now())


def _readiness(url: str) -> dict[str, list[str]]:
    """What the data plane says of itself: whether its journal takes records, it alone knows."""
    try:
        document = json.loads(_fetch(url))
        return {name: [str(text) for text in document[name]] for name in ("problems", "warnings")}
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        text = _("%(url)s tells nothing; does the data plane run, and can it be reached from here?")
        return {"problems": [], "warnings": [text % {"url": url}]}


def _fetch(url: str) -> bytes:
    """The body, of a 503 as well. Raises OSError."""
    try:
        with _DIRECT.open(url, timeout=PATIENCE) as answer:
            body: bytes = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
    return body


def _stored(request: HttpRequest) -> Iterator[Figure]:
    if not request.user.has_perm("contentserver.view_storedversion"):
        return
    since = timezone.now() - dt.timedelta(days=1)
    found = StoredVersion.objects.filter(committed_at__gte=since)[: COUNTED + 1].count()
    shown = number_format(min(found, COUNTED), force_grouping=True)
    value = _("more than %(count)s") % {"count": shown} if found > COUNTED else shown
    yield Figure(_("Versions stored"), value, _("in the last 24 hours"))


def _uploads(request: HttpRequest) -> Iterator[Figure]:
    """Of a table that the bridge keeps short."""
    if not request.user.has_perm("contentserver.view_uploadinprogress"):
        return
    found = UploadInProgress.objects.aggregate(count=Count("pk"), held=Sum("held"))
    if found["count"]:
        words = _("not committed yet; they hold %(size)s") % {"size": size(found["held"])}
        value = number_format(found["count"], force_grouping=True)
        yield Figure(_("Uploads in progress"), value, words)


def _lags() -> Iterator[Figure]:
    status = _bridge_status(runtime.bridge_status(settings.CONFIG))
    if status is None:
        return
    lags = [lag for lag in status.get("outbox", {}).values() if lag is not None]
    waiting = _seconds(max(lags)) if lags else _("up to date")
    yield Figure(_("Catalog"), waiting, _("age of the oldest version not yet listed"))
    leaves = status.get("loops", {}).get("ledger", {}).get("facts", {}).get("leaves")
    if leaves is not None:
        mark = LedgerMark.objects.filter(node=settings.CONFIG.node).first()
        behind = max(0, leaves - (mark.next_leaf if mark else 0))
        value = number_format(behind, force_grouping=True) if behind else _("up to date")
        yield Figure(_("Audit"), value, _("records of the ledger not yet to be searched"))


def _bridge_status(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _seconds(lag: float) -> str:
    return (
        _("%(count)d s") % {"count": lag} if lag < 120 else _("%(count)d min") % {"count": lag / 60}
    )


def _room(request: HttpRequest) -> Iterator[Figure]:
    if not request.user.has_perm("contentserver.view_storageroot"):
        return
    for root in StorageRoot.objects.all():
        free = _("%(free)s free") % {"free": size(root.free_bytes)}
        total = _("of %(total)s") % {"total": size(root.total_bytes)}
        yield Figure(str(root), free if root.present else _("missing"), total)
