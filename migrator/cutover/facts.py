"""What the gates look at: a snapshot of a source in numbers, and how much is wanted of each."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MODES = ("legacy", "shadow", "hybrid", "writeback", "disk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`shadow_reads`: comparisons in shadow in the last `shadow_days`, all of them equal.
    `verification_age`: how old a verification may be. `quiet`: for how long nothing was written
    here where the way back leads to a mode that answers from legacy.
    """

    verification_age: timedelta = timedelta(days=1)
    shadow_reads: int = 1000
    shadow_days: int = 7
    quiet: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The last verification that ended. `differences` are those not resolved by a person."""

    number: int
    started_at: datetime
    finished_at: datetime
    compared: int
    compared_bytes: int
    equal: int
    differences: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One source at one moment. Times are UTC.

    `captured`: what the source's way of capture sees is everything that can change a file.
    `triggers_missing`: what of the triggers is not installed or not enabled, by name.
    `horizon`: the transaction number in legacy that all earlier ones had to reach an end of;
    None where nothing is captured. `held_back_by` names what is older and still runs.
    `writers` and `readers` are the declared applications that have not switched, `switched_at` is
    when the last writer did. `waiting` are versions on their way back into legacy, `recent_writes`
    those stored here within `Limits.quiet`.
    """

    now: datetime
    mode: str
    final: bool
    captured: bool
    triggers_missing: tuple[str, ...] = ()
    check_errors: tuple[str, ...] = ()
    backfill_finished_at: datetime | None = None
    backlog: int = 0
    backlog_before: int = 0
    horizon: int | None = None
    held_back_by: tuple[str, ...] = ()
    verified: Verified | None = None
    record_errors: int = 0
    shadow_compared: int = 0
    shadow_different: int = 0
    writers_declared: int = 0
    writers: tuple[str, ...] = ()
    readers_declared: int = 0
    readers: tuple[str, ...] = ()
    switched_at: datetime | None = None
    waiting: int = 0
    recent_writes: int = 0
    alarms: int = 0
