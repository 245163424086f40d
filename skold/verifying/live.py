"""A living ledger, verified in the form an auditor would: the very same code, on the node itself.

It goes on from where the last one ended, whose hashes the new root has to contain: so a night's
records cost a night's work. Interrupted it goes on as well. From time to time all of it has to be
verified again, since what was verified once may be changed on disk afterwards.
"""

import datetime as dt
import enum
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skold.exporting.covering import TreeHashes, iter_cover
from skold.ledger.tiles import Tiles
from skold.verifier import verify_audit
from skold.verifier.verify_audit import Key, Ledger, Report, UnreadableError, Verification
from skold.verifying import results
from skold.verifying.journals import Saved, compare_journals
from skold.verifying.results import Result, VerificationRunsError

__all__ = ["LiveVerification", "Mode", "Outcome", "VerificationRunsError"]

Progress = Callable[[int, int], None]


class Mode(enum.Enum):
    """From where a verification begins."""

    CONTINUE = "continue"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`report` is None where the ledger could not be read; `result` None where the time was up."""

    report: Report | None
    result: Result | None


class LiveVerification:
    """Verifies one node's ledger; `folder` keeps results. `keys` are its verify keys as texts."""

    def __init__(
        self,
        ledger: Path,
        journals: Sequence[Path],
        keys: Sequence[str],
        folder: Path,
        *,
        progress: Progress = lambda _done, _total: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger, self._journals, self._folder = ledger, journals, folder
        self._keys = [Key.parse(key) for key in keys]
        self._progress, self._monotonic = progress, monotonic

    def run(self, mode: Mode = Mode.CONTINUE, *, seconds: float | None = None) -> Outcome:
        """Verify what is new, or all; at most so many `seconds`, then it can be gone on with.

        The result is kept. Raises VerificationRunsError, OSError.
        """
        with results.alone(self._folder):
            known = None if mode is Mode.FULL else results.find_state(self._folder)
            until = None if seconds is None else self._monotonic() + seconds
            try:
                report = self._verify(known and known["state"], until)
            except UnreadableError as error:
                return Outcome(None, self._keep_failure(str(error)))
            full = known is None or (known["full"] and known["stopped"])
            return self._conclude(report, known, full=full)

    def run_since(self, leaf: int) -> Outcome:
        """Verify from a leaf on, with what the hash tiles say of those before it. Nothing is kept.

        Raises VerificationRunsError, LedgerDamagedError, OSError.
        """
        try:
            report = self._verify(self._state_at(leaf), None)
        except UnreadableError as error:
            return Outcome(None, _failure(str(error), _now(), None))
        return Outcome(report, _result(report, [], full=False, full_at=None))

    def _verify(self, state: dict[str, Any] | None, until: float | None) -> Report:
        return Verification(
            Ledger(self._ledger),
            self._keys,
            state=state,
            progress=self._progress,
            stop=lambda: until is not None and self._monotonic() >= until,
        ).run()

    def _conclude(self, report: Report, known: dict[str, Any] | None, *, full: bool) -> Outcome:
        saved: Saved = known["journals"] if known else {}
        wrong: list[str] = []
        if not report.stopped and report.exit_code == 0:
            wrong, saved = compare_journals(self._journals, report.lives, saved)
        if report.state is not None and not wrong:
            state = {"state": report.state, "journals": saved}
            results.write_state(self._folder, {**state, "full": full, "stopped": report.stopped})
        if report.stopped:
            return Outcome(report, None)
        before = results.find_result(self._folder)
        full_at = before.full_at if before else None
        result = _result(report, wrong, full=full, full_at=full_at)
        results.write_result(self._folder, result)
        return Outcome(report, result)

    def _keep_failure(self, error: str) -> Result:
        before = results.find_result(self._folder)
        result = _failure(error, _now(), before.full_at if before else None)
        results.write_result(self._folder, result)
        return result

    def _state_at(self, leaf: int) -> dict[str, Any]:
        hashes = TreeHashes(Tiles(self._ledger), Ledger(self._ledger).checkpoint.size)
        cover = list(iter_cover([], leaf, []))
        peaks = [[level, hashes(level or 0, first >> (level or 0)).hex()] for first, level in cover]
        return {"size": leaf, "peaks": peaks, "writers": None}


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _result(report: Report, journals: list[str], *, full: bool, full_at: str | None) -> Result:
    said, now = verify_audit.as_json(report), _now()
    return Result(
        at=now,
        exit_code=report.exit_code,
        sentence=said["sentence"],
        full=full,
        full_at=now if full and report.exit_code == 0 else full_at,
        started_at_leaf=said["started_at_leaf"],
        size=said["signed_records"],
        records=said["records"],
        seconds=said["seconds"],
        records_per_second=said["records_per_second"],
        findings=[{**found, "where": found["where"][:20]} for found in said["findings"]],
        journals=journals,
    )


def _failure(error: str, at: str, full_at: str | None) -> Result:
    return Result(at, 2, error, False, full_at, 0, 0, 0, 0.0, 0, [], [])  # noqa: FBT003
