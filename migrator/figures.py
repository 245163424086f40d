"""What Prometheus shall know of the sources. The bridge asks the database for it and carries it in
its status file, which the data plane publishes with its own metrics.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.utils import timezone

from migrator.models import Alarm, CutOver, Difference, RecordError, Source

INTERVAL = 5.0
LOOP = "sources"
Gauge = tuple[str, str, list[str], list[tuple[list[str], float]]]
"""Name, help, names of labels, and each sample's labels and value."""

_NUMBERS = (
    ("records", "Records that legacy was last estimated to hold.", "records_estimated"),
    ("records_looked_at", "Records that the backfill has looked at.", "backfill_records"),
    ("files_imported", "Files imported so far.", "files_imported"),
    ("bytes_imported", "Bytes imported so far.", "bytes_imported"),
    ("backlog_changes", "Changes in legacy that wait for the sync.", "backlog"),
    ("failed_records", "Legacy records that cannot be imported.", "failed"),
    ("open_differences", "Differences found and not resolved.", "differing"),
    ("open_alarms", "Alarms that wait for a person.", "alarmed"),
    ("certificates", "Cut-overs with a signed certificate.", "certified"),
    ("certificates_waiting", "Cut-overs whose certificate is not signed yet.", "uncertified"),
)


class Figures:
    """A loop of the bridge: each step asks, `facts` gives what was found."""

    def __init__(self) -> None:
        self._gauges: list[Gauge] = []

    def __call__(self) -> bool:
        """Ask; there is never more right now. Raises django.db.Error."""
        self._gauges = gauges(timezone.now())
        return False

    def facts(self) -> Mapping[str, Any]:
        return {"gauges": self._gauges}


def gauges(now: datetime) -> list[Gauge]:
    """All of them, each with a sample for each source; none where there is no source."""
    sources = _counted()
    if not sources:
        return []
    found: list[Gauge] = [
        (
            f"contentserver_source_{name}",
            text,
            ["source"],
            [([source.name], float(getattr(source, field))) for source in sources],
        )
        for name, text, field in _NUMBERS
    ]
    modes = [([source.name, source.mode], 1.0) for source in sources]
    return [
        *found,
        ("contentserver_source_mode", "1 for the mode it is in.", ["source", "mode"], modes),
        _age(sources, now, "lag", "Age of the oldest change not on disk.", "oldest_change_at"),
        _age(sources, now, "sync_silent", "Since sync last gave a sign.", "sync_seen_at"),
        _age(sources, now, "held_back", "Age of what holds changes back.", "held"),
    ]


def _counted() -> list[Source]:
    """Each source with its numbers. A query for each table: joined they would multiply."""
    sources = list(Source.objects.order_by("name"))
    for name, rows in (
        ("failed", RecordError.objects.all()),
        ("differing", Difference.objects.filter(resolved_at=None)),
        ("alarmed", Alarm.objects.filter(settled_at=None)),
        ("certified", CutOver.objects.filter(signed_at__isnull=False)),
        ("uncertified", CutOver.objects.filter(signed_at=None)),
    ):
        grouped = rows.order_by().values_list("source").annotate(Count("pk"))
        found: dict[str, int] = dict(grouped)
        for source in sources:
            setattr(source, name, found.get(source.pk, 0))
    return sources


def _age(sources: list[Source], now: datetime, name: str, text: str, field: str) -> Gauge:
    samples = [([source.name], _seconds(source, now, field)) for source in sources]
    return f"contentserver_source_{name}_seconds", text, ["source"], samples


def _seconds(source: Source, now: datetime, field: str) -> float:
    if field == "held":
        return float((source.held_back_by or {}).get("age") or 0)
    if field == "sync_seen_at" and not source.sync_enabled:
        return 0.0
    since: datetime | None = getattr(source, field)
    return max(0.0, (now - since).total_seconds()) if since else 0.0
