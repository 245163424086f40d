"""What the overview of the audit shows. No query grows with the records."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from skold.admin.findings import open_findings
from skold.anchors.state import AnchorState, read_state
from skold.audit_words import size
from skold.control import review_parts
from skold.control.review_parts import ReviewParts
from skold.ledger.bundles import LedgerDamagedError
from skold.ledger.proofs import NoCheckpointError, TreeReader
from skold.notes import split_note
from skold.review import figures
from skold.review.figures import Point, Scale
from skold.review.lag import MOST, find_lag
from skold.templatetags.skold_audit import file_url

LABELS = 6
"""Labels below a chart, so that they fit a small screen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of time; heights are percent of the chart's."""

    label: str
    shown: bool
    allowed: str
    refused: str
    allowed_height: str
    refused_height: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A value with its name, what it means, and whether somebody must look."""

    name: str
    value: str
    words: str
    alarm: bool = False
    url: str = ""


def overview(request: HttpRequest) -> dict[str, Any]:
    """The template's context. `?scale=` and `?top=` choose the times."""
    now = timezone.now()
    scale = figures.SCALES.get(request.GET.get("scale", ""), figures.SCALES["24h"])
    days = 7 if request.GET.get("top") == "7d" else 1
    since = now - dt.timedelta(days=days)
    parts = review_parts.get()
    return {
        "scales": [(name, words, name == scale.name) for name, words in _scale_names()],
        "tops": [("24h", _("24 hours"), days == 1), ("7d", _("7 days"), days == 7)],
        "scale": scale.name,
        "top": "7d" if days == 7 else "24h",
        **chart(scale, now),
        "facts": list(facts(request, parts, now)),
        "clients": _clients(since),
        "files": _files(parts, since, now),
        "anchors": anchor_rows(parts),
    }


def chart(scale: Scale, now: dt.datetime) -> dict[str, Any]:
    """Bars of allowed and refused accesses, and what they add up to."""
    points = figures.series(scale, now)
    return {
        "bars": _bars(scale, points),
        "allowed": _number(sum(point.allowed for point in points)),
        "refused": _number(sum(point.refused for point in points)),
        "highest": _number(max(point.total for point in points)),
    }


def facts(request: HttpRequest, parts: ReviewParts, now: dt.datetime) -> Iterator[Fact]:
    """What is to be known of the audit itself."""
    if not isinstance(request.user, AnonymousUser) and request.user.has_perm("skold.view_finding"):
        count = open_findings()
        url = f"{reverse('admin:skold_finding_changelist')}?verdict__exact=open"
        shown = _("100 or more") if count >= 100 else _number(count)
        yield Fact(_("Open findings"), shown, _("wait for a verdict"), count > 0, url)
    yield from _lag(parts)
    yield _checkpoint(parts, now)
    yield _anchors(read_state(parts.ledger, parts.anchors, now))


def _lag(parts: ReviewParts) -> Iterator[Fact]:
    lag = find_lag(parts)
    if lag is None:
        yield Fact(_("Ledger"), _("unreadable"), _("on this machine"), alarm=True)
        return
    waiting = _("more than %(count)s") % {"count": _number(MOST)}
    shown = _("up to date")
    if lag.journal:
        shown = waiting if lag.journal >= MOST else _number(lag.journal)
    yield Fact(_("Journal"), shown, _("durable records not yet in the ledger"))
    copied = _number(lag.copy) if lag.copy else _("up to date")
    yield Fact(_("PostgreSQL"), copied, _("records of the ledger not yet to be searched"))


def _checkpoint(parts: ReviewParts, now: dt.datetime) -> Fact:
    reader = TreeReader(parts.ledger)
    name = _("Checkpoint")
    try:
        note = reader.checkpoint_text()
        head = reader.checkpoint()
        age = now - _written(parts)
    except NoCheckpointError:
        return Fact(name, _("none yet"), _("Is the bridge running?"), alarm=True)
    except (LedgerDamagedError, OSError) as error:
        return Fact(name, _("damaged"), str(error), alarm=True)
    keys = ", ".join(raw[:4].hex() for _name, raw in split_note(note)[1])
    words = _("records signed %(age)s ago by key %(keys)s") % {"age": _age(age), "keys": keys}
    return Fact(name, _number(head.size), words)


def _written(parts: ReviewParts) -> dt.datetime:
    written = (parts.ledger / "checkpoint").stat().st_mtime
    return dt.datetime.fromtimestamp(written, dt.UTC)


def _anchors(state: AnchorState) -> Fact:
    name = _("Anchors")
    if not state.places:
        words = _("Whoever holds this machine could rewrite the ledger unseen.")
        return Fact(name, _("not anchored"), words, alarm=True)
    if state.not_anchored:
        words = _("No checkpoint was taken elsewhere for more than a day.")
        return Fact(name, _("not anchored"), words, alarm=True)
    held = len(state.covered)
    words = _("of %(places)s places hold checkpoints") % {"places": len(state.places)}
    return Fact(name, _number(held), words, alarm=held < len(state.places))


def anchor_rows(parts: ReviewParts) -> list[dict[str, Any]]:
    """Each place that checkpoints are sent to."""
    state = read_state(parts.ledger, parts.anchors)
    return [
        {
            "place": place.name,
            "at": state.last.get(place.name),
            "size": _number(state.sizes.get(place.name, 0)),
            "error": state.error.get(place.name, ""),
        }
        for place in state.places
    ]


def _bars(scale: Scale, points: Sequence[Point]) -> list[Bar]:
    highest = max((point.total for point in points), default=0) or 1
    every = -(-len(points) // LABELS)
    return [
        Bar(
            _label(scale, point.at),
            (len(points) - 1 - number) % every == 0,
            _number(point.allowed),
            _number(point.refused),
            _percent(point.allowed, highest),
            _percent(point.refused, highest),
        )
        for number, point in enumerate(points)
    ]


def _percent(count: int, highest: int) -> str:
    """For CSS, whatever the language. What is there is seen: half a percent at least."""
    return f"{max(100 * count / highest, 0.5):.2f}" if count else "0"


def _label(scale: Scale, at: dt.datetime) -> str:
    if scale.name == "24h":
        return at.strftime("%H:%M")
    return date_format(at, "j M" if scale.name == "30d" else "M Y")


def _scale_names() -> list[tuple[str, str]]:
    return [("24h", _("24 hours")), ("30d", _("30 days")), ("12m", _("12 months"))]


def _clients(since: dt.datetime) -> list[dict[str, str]]:
    url = reverse("admin:skold_auditrecord_changelist")
    return [
        {
            "name": row.name,
            "url": f"{url}?client={row.name}",
            "count": _number(row.count),
            "refused": _number(row.refused) if row.refused else "",
            "sent": size(row.bytes),
        }
        for row in figures.top_clients(since)
    ]


def _files(parts: ReviewParts, since: dt.datetime, now: dt.datetime) -> dict[str, Any]:
    found = figures.top_files(since, now)
    names = parts.names_of(row.name for row in found.rows)
    rows = []
    for row in found.rows:
        file = names.get(row.name)
        name = f"{file.collection} / {file.key}" if file else row.name
        told = {"name": name, "url": file_url(row.name), "count": _number(row.count)}
        rows.append({**told, "last": row.last})
    return {"rows": rows, "since": found.since, "cut": found.since != since}


def _age(age: dt.timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    if seconds < 120:
        return _("%(count)d s") % {"count": seconds}
    if seconds < 7200:
        return _("%(count)d min") % {"count": seconds // 60}
    return _("%(count)d h") % {"count": seconds // 3600}


def _number(count: int) -> str:
    return str(number_format(count, force_grouping=True))
