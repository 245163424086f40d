"""The audit's scenarios: durable records, the ledger alone and beside the load, the copy."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.durable.crew import Crew
from benchmarks.durable.writer import Order
from benchmarks.plan import Plan
from benchmarks.results import BARE, CONTENT, Goal, Sample, Scenario

WRITERS = 2
"""Processes of the data plane on two cores."""
USERS = 64
SERVED = 5_000
"""Requests a second; above what both cores can serve of 64 KB (docs/measured.md)."""
GOAL = 20_000
BEHIND = 2.0
"""Seconds."""
DURABLE = f"Audit: records made durable, {WRITERS} processes of {USERS} users"
ALONE = "Audit: records the ledger numbers, alone"
BESIDE = f"Audit: records the ledger numbers beside {SERVED:,} requests a second"
FULL_LOAD = "Audit: records the ledger numbers beside writers at full speed"
COPIED = "Audit: rows that PostgreSQL takes of a ledger it has nothing of"

Tell = Callable[[str], None]


class AuditMeasurements:
    """Works below `folder`, which `close` removes."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.behind: list[float] = []
        self.alone: list[float] = []

    def all(self, tell: Tell) -> list[Scenario]:
        """Every scenario, the rounds taking turns; `tell` hears what is being measured."""
        scenarios = {
            name: Scenario(name, "records/s")
            for name in (DURABLE, ALONE, BESIDE, FULL_LOAD, COPIED)
        }
        self._durable(Scenario("warm-up", "records/s"), 1.0)
        for number in range(self.plan.rounds):
            with processes.deadline(self.plan.limit, "the audit's benchmark"):
                tell(f"audit, round {number + 1}: durable records")
                journal = self._durable(scenarios[DURABLE], self.plan.audit_seconds)
                tell(f"audit, round {number + 1}: the ledger alone")
                self._number(scenarios[ALONE], journal, "alone")
                tell(f"audit, round {number + 1}: the ledger beside {SERVED:,} requests a second")
                self._beside(scenarios[BESIDE], SERVED / WRITERS)
                tell(f"audit, round {number + 1}: the ledger beside full speed")
                self._beside(scenarios[FULL_LOAD], None)
                tell(f"audit, round {number + 1}: the copy")
                self._copy(scenarios[COPIED])
                self.close()
        return list(scenarios.values())

    def facts(self) -> dict[str, str]:
        """What a reader of the figures has to know."""
        return {
            "audit": (
                "req and done of each request, bodies as in delivery, the next step waits until "
                "the req is durable; the bare loop writes and flushes the same bytes in the same "
                "groups; ledger with tiles and signed checkpoints, politeness as in the bridge"
            )
        }

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _durable(self, scenario: Scenario, seconds: float) -> Path:
        journal = self.folder / "durable"
        shutil.rmtree(journal, ignore_errors=True)
        done = self._write(journal, seconds, None)
        sample = _sample(done)
        sample.flushes = sum(len(each["groups"]) for each in done) / sample.requests
        scenario.row(CONTENT).samples.append(sample)
        files = [str(self.folder / f"bare-{number}") for number in range(WRITERS)]
        crew = Crew(
            [("benchmarks.durable.replay", file) for file in files],
            [json.dumps(each["groups"]) for each in done],
        )
        crew.begin()
        taken = max(crew.results())
        scenario.row(BARE).samples.append(Sample(sample.requests / taken, flushes=sample.flushes))
        return journal

    def _number(self, scenario: Scenario, journal: Path, name: str) -> Any:
        crew = self._numbering(journal, name)
        crew.begin()
        crew.end()
        (found,) = crew.results()
        seconds = found["seconds"] + found["behind"]
        scenario.row(CONTENT).samples.append(_numbered(found, found["leaves"] / seconds))
        return found

    def _beside(self, scenario: Scenario, pace: float | None) -> None:
        """`pace`: requests a second of each writer."""
        name = "full" if pace is None else "beside"
        journal = self.folder / name
        journal.mkdir(parents=True)
        numbering = self._numbering(journal, f"{name}-ledger")
        numbering.begin()
        done = self._write(journal, self.plan.audit_seconds, pace)
        numbering.end()
        (found,) = numbering.results()
        written = sum(each["records"] for each in done)
        sample = _numbered(found, found["meanwhile"] / found["seconds"])
        sample.p50, sample.p99 = (max(each[part] for each in done) for part in ("p50", "p99"))
        if found["leaves"] < written:
            sample.errors["records missing in the ledger"] = written - found["leaves"]
        scenario.row(CONTENT).samples.append(sample)
        if pace is not None:
            self.behind.append(found["behind"])

    def _copy(self, scenario: Scenario) -> None:
        crew = Crew(
            [("benchmarks.durable.copying", str(self.folder / "pg"), str(self.folder / "alone"))]
        )
        crew.begin()
        (found,) = crew.results()
        rows = found["rows"]
        scenario.row(CONTENT).samples.append(Sample(rows / found["seconds"], requests=rows))

    def _write(self, journal: Path, seconds: float, pace: float | None) -> list[Any]:
        journal.mkdir(parents=True, exist_ok=True)
        order = json.dumps(asdict(Order(str(journal), seconds, USERS, pace)))
        crew = Crew([("benchmarks.durable.writer", order)] * WRITERS)
        crew.begin()
        return crew.results()

    def _numbering(self, journal: Path, ledger: str) -> Crew:
        return Crew([("benchmarks.durable.numbering", str(journal), str(self.folder / ledger))])


def goals(scenarios: list[Scenario], behind: list[float]) -> list[Goal]:
    """What the audit has to reach."""
    by_name = {scenario.name: scenario for scenario in scenarios}
    return [
        Goal("durable audit records a second", by_name[DURABLE].row(CONTENT).rate, least=GOAL),
        Goal(
            f"seconds the ledger is behind when {SERVED:,} requests a second end",
            max(behind, default=None),
            most=BEHIND,
        ),
    ]


def _sample(done: list[Any]) -> Sample:
    records = sum(each["records"] for each in done)
    slowest = max(each["seconds"] for each in done)
    p50, p99 = (max(each[part] for each in done) for part in ("p50", "p99"))
    return Sample(records / slowest, p50=p50, p99=p99, requests=records)


def _numbered(found: Any, rate: float) -> Sample:
    return Sample(rate, requests=found["leaves"])
