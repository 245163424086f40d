"""What the policy carries of the sources and of legacy addresses, and what the bridge reads of it.

Read from the database in the loop that publishes; the answer is JSON without floats.
"""

import logging
from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef

from migrator.models import CutOver, LegacyAddress, Source

log = logging.getLogger(__name__)

BOX = "writeback"
"""The outbox of versions on their way back into legacy."""
WRITTEN_HERE = (Source.Mode.WRITEBACK, Source.Mode.DISK)
"""Modes in which this server takes writes."""


def sources() -> list[dict[str, Any]]:
    """Every source that can be served. Raises django.db.Error.

    `collect` says that its new versions go into the write-back's outbox. That stays so after a way
    back: a write that a process took under the older policy may commit later, and must reach
    legacy. A source whose description names no collection is left out, so that one bad row never
    holds back the policy.
    """
    written = CutOver.objects.filter(source=OuterRef("pk"), to_mode__in=WRITTEN_HERE)
    found = []
    for source in Source.objects.annotate(was_written=Exists(written)).order_by("name"):
        description = source.description
        if not _is_served(description):
            log.error("source_not_published", extra={"source": source.name})
            continue
        collect = source.mode in WRITTEN_HERE or source.was_written
        found.append(
            {
                "name": source.name,
                "mode": source.mode,
                "final": source.final,
                "collection": description["collection"],
                "key": description["key"],
                "shadow_share": source.shadow_share,
                "collect": collect and not source.final,
                "description": description,
            }
        )
    return found


def addresses() -> list[dict[str, Any]]:
    """Every legacy address of a served source. Raises django.db.Error."""
    return [
        {
            "pattern": address.pattern,
            "source": address.source_id,
            "collection": address.source.description["collection"],
            "key": address.key,
            "client": address.client_id,
            "placeholder": address.placeholder or None,
        }
        for address in LegacyAddress.objects.select_related("source").order_by("pattern")
        if _is_served(address.source.description)
    ]


def collects(attached: Mapping[str, Any]) -> bool:
    """Whether new versions are to be kept for a write-back."""
    return any(source.get("collect", False) for source in attached.get("sources", ()))


def _is_served(description: Any) -> bool:
    return isinstance(description, dict) and {"collection", "key"} <= description.keys()
