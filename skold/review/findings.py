"""Findings: noted once, grown while nobody has looked at them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from skold.models import Finding


def note_finding(
    *,
    rule: str,
    key: str,
    severity: str,
    since: dt.datetime,
    until: dt.datetime,
    count: int,
    client: str = "",
    node: str = "",
    facts: Mapping[str, Any] | None = None,
) -> bool:
    """Ask a person to look at something. True if it is new; `key` (200 characters) makes it one.

    Noted again while it is open, a finding takes the later end, the greater count and the newer
    facts; once reviewed it stays as it was judged. `facts` hold nothing that identifies persons:
    those stand in the records, where they can be redacted. Raises ValueError for a rule or a
    severity that is none.
    """
    if rule not in Finding.Rule.values or severity not in Finding.Severity.values:
        raise ValueError(f"{rule!r} or {severity!r} is no rule or no severity of a finding")
    noted = {"until": until, "count": count, "severity": severity, "facts": dict(facts or {})}
    with transaction.atomic():
        finding, new = Finding.objects.select_for_update().get_or_create(
            key=key,
            defaults={"rule": rule, "client": client, "node": node, "since": since, **noted},
        )
        if not new and finding.verdict == Finding.Verdict.OPEN:
            _grow(finding, noted)
    return new


def _grow(finding: Finding, noted: Mapping[str, Any]) -> None:
    """Never shorter, smaller or milder than it was."""
    ranks = Finding.Severity.values
    finding.until = max(finding.until, noted["until"])
    finding.count = max(finding.count, noted["count"])
    finding.severity = max(finding.severity, noted["severity"], key=ranks.index)
    finding.facts = {**finding.facts, **noted["facts"]}
    finding.save(update_fields=["until", "count", "severity", "facts"])
