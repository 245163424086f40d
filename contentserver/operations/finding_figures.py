"""How many findings wait for a person, for Prometheus, by severity and whatever rule found them."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count

from skold.models import Finding

LOOP = "findings"
INTERVAL = 15.0
"""Seconds between two looks."""


class FindingFigures:
    """A loop of the bridge: each step asks, `facts` gives what was found."""

    def __init__(self) -> None:
        self._open: Mapping[str, int] = {}

    def __call__(self) -> bool:
        """Ask; there is never more right now. Raises django.db.Error."""
        waiting = Finding.objects.filter(verdict=Finding.Verdict.OPEN).order_by()
        self._open = dict(waiting.values_list("severity").annotate(Count("pk")))
        return False

    def facts(self) -> Mapping[str, Any]:
        # Each severity from the start, so that the first one is a change from 0.
        samples = [
            [[severity], self._open.get(severity, 0)] for severity in Finding.Severity.values
        ]
        text = "Findings that nobody has judged."
        return {"gauges": [["contentserver_findings_open", text, ["severity"], samples]]}
