"""What was measured, and what follows from it: medians, spreads, ratios."""

import statistics
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

NGINX = "nginx, plain files"
LEGACY = "legacy design"
CONTENT = "content server"
BARE = "bare Python loop"
READING = "reading and inflating alone"
SYNC = "sync"


@dataclass(slots=True)
class Sample:
    """One run of one server. `rate`: requests a second, or MB a second (see Scenario.unit).

    Latencies are milliseconds, memory is bytes of all its processes, `peak` of its largest worker.
    """

    rate: float
    p50: float | None = None
    p99: float | None = None
    errors: Counter[str] = field(default_factory=Counter)
    memory: int | None = None
    peak: int | None = None
    flushes: float | None = None
    requests: int = 0


@dataclass(slots=True)
class Row:
    """All runs of one server in one scenario; `note` says why there are none."""

    server: str
    samples: list[Sample] = field(default_factory=list)
    note: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether its errors are this server's."""
        return self.server.startswith((CONTENT, SYNC))

    @property
    def rate(self) -> float | None:
        return statistics.median(s.rate for s in self.samples) if self.samples else None

    @property
    def spread(self) -> float | None:
        """Highest less lowest rate, as a share of the median; None for fewer than two runs."""
        rates = [sample.rate for sample in self.samples]
        return (max(rates) - min(rates)) / (self.rate or 1) if len(rates) > 1 else None

    def median(self, name: str) -> float | None:
        """The median of a figure over the runs that have it."""
        found = [value for s in self.samples if (value := getattr(s, name)) is not None]
        return statistics.median(found) if found else None

    def highest(self, name: str) -> float | None:
        """The highest of a figure over the runs that have it."""
        return max(
            (value for s in self.samples if (value := getattr(s, name)) is not None), default=None
        )

    @property
    def errors(self) -> Counter[str]:
        return sum((sample.errors for sample in self.samples), Counter[str]())


@dataclass(slots=True)
class Scenario:
    """One table of rows that may be compared. `unit` is "req/s" or "MB/s"."""

    name: str
    unit: str
    rows: dict[str, Row] = field(default_factory=dict)

    def row(self, server: str) -> Row:
        return self.rows.setdefault(server, Row(server))

    def ratio(self, server: str, to: str) -> float | None:
        """The server's median rate over another's, or None where one of them has none."""
        ours, theirs = self.row(server).rate, self.row(to).rate if to in self.rows else None
        return ours / theirs if ours is not None and theirs else None


@dataclass(slots=True)
class Goal:
    """A figure that must be reached, and whether it was; `found` None: could not be measured."""

    text: str
    found: float | None
    least: float | None = None
    most: float | None = None

    @property
    def reached(self) -> bool | None:
        if self.found is None:
            return None
        above = self.least is None or self.found >= self.least
        return above and (self.most is None or self.found <= self.most)


def as_json(machine: dict[str, str], scenarios: list[Scenario], goals: list[Goal]) -> Any:
    """Everything, every single run included."""
    return {
        "machine": machine,
        "scenarios": [asdict_of(scenario) for scenario in scenarios],
        "goals": [asdict(goal) | {"reached": goal.reached} for goal in goals],
    }


def asdict_of(scenario: Scenario) -> dict[str, Any]:
    """One scenario with medians and ratios beside the samples."""
    rows = []
    for name, row in scenario.rows.items():
        samples = [
            {field: getattr(sample, field) for field in sample.__slots__} for sample in row.samples
        ]
        ratios = {f"to {other}": scenario.ratio(name, other) for other in scenario.rows}
        rows.append(
            {"server": name, "note": row.note, "rate": row.rate, "spread": row.spread}
            | {"ratios": ratios, "samples": samples}
        )
    return {"name": scenario.name, "unit": scenario.unit, "rows": rows}
