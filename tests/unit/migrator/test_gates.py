"""Each step is closed by each of its gates, and by nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migrator.cutover.facts import Facts, Limits, Verified
from migrator.cutover.steps import (
    FINAL,
    NoSuchStep,
    ask_legacy,
    checks_of,
    gates_of,
    next_mode,
    previous_mode,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VERIFIED = {
    "number": 1,
    "started_at": NOW - 2 * HOUR,
    "finished_at": NOW - HOUR,
    "compared": 10,
    "compared_bytes": 100,
    "equal": 10,
    "differences": 0,
    "digest": "00",
}
READY: dict[str, Any] = {
    "now": NOW,
    "final": False,
    "backfill_finished_at": NOW - 3 * HOUR,
    "horizon": 7,
    "shadow_compared": 1000,
    "writers_declared": 1,
    "readers_declared": 1,
    "switched_at": NOW - 3 * HOUR,
}


def ready(mode: str, *, captured: bool = True, **facts: Any) -> Facts:
    verified = Verified(**(VERIFIED | facts.pop("verified", {})))
    return Facts(mode=mode, captured=captured, **(READY | {"verified": verified} | facts))


def closed(facts: Facts, to: str) -> set[str]:
    """The gates that do not hold."""
    checks = checks_of(facts.mode, to, captured=facts.captured, final=facts.final)
    return {gate.name for gate in gates_of(checks, facts, Limits()) if not gate.passed}


STEPS = [
    ("legacy", "shadow"),
    ("shadow", "hybrid"),
    ("hybrid", "writeback"),
    ("writeback", "disk"),
    ("disk", FINAL),
    ("disk", "writeback"),
    ("writeback", "hybrid"),
    ("hybrid", "shadow"),
    ("shadow", "legacy"),
]
STEPS_AT_REST = [
    ("shadow", "writeback"),
    ("shadow", "disk"),
    ("writeback", "disk"),
    ("writeback", "shadow"),
]


@pytest.mark.parametrize(("mode", "to"), STEPS)
def test_every_gate_holds_when_all_is_ready(mode: str, to: str) -> None:
    assert closed(ready(mode), to) == set()


@pytest.mark.parametrize(("mode", "to"), STEPS_AT_REST)
def test_every_gate_holds_at_rest(mode: str, to: str) -> None:
    assert closed(ready(mode, captured=False), to) == set()


SHUT: list[tuple[dict[str, Any], str]] = [
    ({"check_errors": ("no unique index",)}, "checked"),
    ({"triggers_missing": ("photos_record",)}, "capture"),
    ({"backfill_finished_at": None}, "backfill"),
    ({"backlog": 1}, "backlog"),
    ({"backlog_before": 1}, "backlog_before"),
    ({"held_back_by": ("prepared transaction x",)}, "horizon"),
    ({"verified": {"finished_at": NOW - 25 * HOUR}}, "verification"),
    ({"verified": {"started_at": NOW - 4 * HOUR}}, "verification"),
    ({"verified": {"differences": 1}}, "differences"),
    ({"record_errors": 1}, "record_errors"),
    ({"alarms": 1}, "alarms"),
    ({"shadow_compared": 999}, "shadow_reads"),
    ({"shadow_different": 1}, "shadow_differences"),
    ({"writers": ("portal",)}, "writers"),
    ({"writers_declared": 0}, "writers"),
    ({"readers": ("viewer",)}, "readers"),
    ({"readers_declared": 0}, "readers"),
    ({"waiting": 1}, "delivered"),
    ({"recent_writes": 1}, "quiet"),
    ({"switched_at": NOW - HOUR}, "verified_after_writers"),
    ({"switched_at": None}, "verified_after_writers"),
]
GATES: dict[tuple[str, str, bool], set[str]] = {
    ("legacy", "shadow", True): {"checked", "capture"},
    ("shadow", "hybrid", True): {
        "checked", "backfill", "verification", "differences", "record_errors", "alarms",
        "capture", "horizon", "backlog_before", "shadow_reads", "shadow_differences",
    },
    ("hybrid", "writeback", True): {
        "checked", "backfill", "verification", "differences", "record_errors", "alarms",
        "capture", "horizon", "backlog", "writers",
    },
    ("writeback", "disk", True): {
        "capture", "backlog", "verification", "differences", "writers", "readers", "delivered",
        "alarms",
    },
    ("disk", FINAL, True): {"writers", "readers", "alarms"},
    ("writeback", "hybrid", True): {"capture", "delivered", "alarms"},
    ("disk", "writeback", True): set(),
    ("hybrid", "shadow", True): {"delivered"},
    ("shadow", "legacy", True): set(),
    ("legacy", "shadow", False): {"checked"},
    ("shadow", "disk", False): {
        "checked", "backfill", "verification", "differences", "record_errors", "alarms",
        "shadow_reads", "shadow_differences", "writers", "readers", "verified_after_writers",
    },
    ("writeback", "shadow", False): {"delivered", "quiet", "alarms"},
}  # fmt: skip


@pytest.mark.parametrize(("step", "gates"), GATES.items())
@pytest.mark.parametrize(("facts", "gate"), SHUT)
def test_a_step_is_closed_by_its_gates_and_no_other(
    step: tuple[str, str, bool], gates: set[str], facts: dict[str, Any], gate: str
) -> None:
    mode, to, captured = step
    shut = closed(ready(mode, captured=captured, **facts), to)
    assert (gate in shut) == (gate in gates)


def test_without_a_verification_nothing_is_proven() -> None:
    assert {"verification", "differences"} <= closed(
        Facts(mode="shadow", captured=True, **READY), "hybrid"
    )


def test_the_way_forward_and_back() -> None:
    modes = ["legacy"]
    while modes[-1] != "disk":
        modes.append(next_mode(modes[-1], captured=True))
    assert modes == ["legacy", "shadow", "hybrid", "writeback", "disk"]
    while modes[-1] != "legacy":
        assert previous_mode(modes.pop(), captured=True) == modes[-1]
    assert next_mode("shadow", captured=False) == "writeback"
    assert previous_mode("writeback", captured=False) == "shadow"


@pytest.mark.parametrize(
    ("mode", "to", "captured"),
    [
        ("legacy", "hybrid", True),
        ("shadow", "writeback", True),
        ("shadow", "hybrid", False),
        ("disk", "hybrid", True),
        ("writeback", "hybrid", False),
        ("hybrid", "hybrid", True),
    ],
)
def test_no_step_leaps(mode: str, to: str, captured: bool) -> None:
    with pytest.raises(NoSuchStep):
        checks_of(mode, to, captured=captured)


@pytest.mark.parametrize("to", ["writeback", FINAL, "shadow"])
def test_final_is_final(to: str) -> None:
    with pytest.raises(NoSuchStep):
        checks_of("disk", to, captured=True, final=True)
    with pytest.raises(NoSuchStep):
        previous_mode("disk", captured=True, final=True)
    with pytest.raises(NoSuchStep):
        next_mode("disk", captured=True, final=True)


def test_a_way_back_to_legacy_asks_a_dead_legacy_database_nothing() -> None:
    for mode, to in (("disk", "writeback"), ("hybrid", "shadow"), ("shadow", "legacy")):
        assert not ask_legacy(checks_of(mode, to, captured=True))
