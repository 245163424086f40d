"""Streaks: events of one actor that follow each other within a window, and the finding they make.

A streak that goes on when its records come later makes its finding grow. One that goes on after it
was reviewed begins anew: only what came since counts towards the next finding.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.crypto import salted_hmac

from skold.models import Finding
from skold.review.findings import note_finding

SHOWN = 10
"""Records that a finding names; the list shows the others."""


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """`weight` 1 for a record, more for a count of a flood. `record` is `node:leaf`."""

    at: dt.datetime
    record: str
    weight: int = 1
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Streaks:
    """What makes a streak of this rule: `enough` events within `window`."""

    rule: str
    enough: int
    window: dt.timedelta

    def settle(
        self, actor: str, events: Iterable[Event], *, client: str, node: str, **facts: Any
    ) -> set[str]:
        """Note what the events of one actor amount to; returns the records that a finding holds.

        `actor` may name a person: only a keyed hash of it is kept.
        """
        who = salted_hmac("skold.review", actor, algorithm="sha256").hexdigest()[:32]
        flagged: set[str] = set()
        for run in self._runs(sorted(events)):
            if self._settle_run(f"{self.rule}:{who}", run, client, node, facts):
                flagged |= {event.record for event in run}
        return flagged

    def _runs(self, events: Sequence[Event]) -> Iterator[list[Event]]:
        """Parted where more than the window lies between two."""
        run: list[Event] = []
        for event in events:
            if run and event.at - run[-1].at > self.window:
                yield run
                run = []
            run.append(event)
        if run:
            yield run

    def _settle_run(
        self, prefix: str, run: list[Event], client: str, node: str, facts: dict[str, Any]
    ) -> bool:
        last = Finding.objects.filter(key__startswith=f"{prefix}:").order_by("-until").first()
        key, since, before = f"{prefix}:{run[0].at:%Y%m%dT%H%M%S.%f}", run[0].at, 0
        known: list[str] = []
        if last is not None and run[0].at <= last.until + self.window:
            run = [event for event in run if event.at > last.until]
            if not run:
                return True
            if last.verdict == Finding.Verdict.OPEN and run[0].at <= last.until + self.window:
                key, since, before = last.key, last.since, last.count
                known = last.facts.get("records", [])
            else:
                key, since = f"{prefix}:{run[0].at:%Y%m%dT%H%M%S.%f}", run[0].at
        if not before and not self._crosses(run):
            return False
        count = before + sum(event.weight for event in run)
        note_finding(
            rule=self.rule,
            key=key,
            severity="alarm" if count >= 10 * self.enough else "warning",
            since=since,
            until=run[-1].at,
            count=count,
            client=client,
            node=node,
            facts=facts
            | {
                "records": (known + [event.record for event in run])[:SHOWN],
                "reasons": sorted({event.reason for event in run if event.reason}),
                "enough": self.enough,
                "minutes": int(self.window.total_seconds() // 60),
            },
        )
        return True

    def _crosses(self, run: Sequence[Event]) -> bool:
        """Whether any stretch as long as the window holds enough."""
        first, held = 0, 0
        for event in run:
            held += event.weight
            while event.at - run[first].at > self.window:
                held -= run[first].weight
                first += 1
            if held >= self.enough:
                return True
        return False
