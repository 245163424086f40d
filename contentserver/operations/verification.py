"""This node's ledger, verified by itself: by command, each night, and shown with the status."""

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

from django.db import Error

from contentserver import checkpoint_keys, runtime
from contentserver.conf import Config
from skold.review import note_finding
from skold.verifying import LiveVerification, Mode, Result, find_result, is_due

SECONDS = 400.0
"""Of one task; what is left is gone on with by the next."""
INTERVAL = 30.0
"""Seconds between two looks at the last result."""

log = logging.getLogger(__name__)


def open_verification(config: Config, **options: Any) -> LiveVerification:
    """Raises KeyMissing, Corrupt, OSError."""
    keys = map(str, checkpoint_keys.verifiers(config, runtime.data_keyset(config)))
    folder = config.verification
    return LiveVerification(config.ledger, config.journal_dirs, list(keys), folder, **options)


def verify_if_due(config: Config, now: dt.datetime, seconds: float = SECONDS) -> str:
    """Verify what is new once a day, and all once a week. Returns what was done, for the log.

    Raises VerificationRunsError, StoreError, OSError.
    """
    if not (config.ledger / "checkpoint").exists() and find_result(config.verification) is None:
        return "nothing is signed yet"
    due, full = is_due(config.verification, now)
    if not due:
        return "not due"
    outcome = open_verification(config).run(Mode.FULL if full else Mode.CONTINUE, seconds=seconds)
    if outcome.result is None:
        return "goes on in the next run"
    note_result(config, outcome.result)
    return outcome.result.sentence


def note_result(config: Config, result: Result) -> None:
    """Ask a person to look at a verification that failed. Never raises for a database that is
    away: result file, log and metrics tell of it too."""
    if not result.failed:
        return
    log.error("audit_verification_failed", extra={"sentence": result.sentence})
    codes = {
        found["code"]: found["count"] for found in result.findings if found["severity"] == "bad"
    }
    # The same damage is one finding, however often it is found.
    key = f"verification:{config.node}:{'+'.join(sorted(codes)) or result.exit_code}"[:200]
    facts: dict[str, Any] = {
        "sentence": result.sentence,
        "codes": codes,
        "journals": result.journals[:20],
    }
    facts |= {"size": result.size, "started_at_leaf": result.started_at_leaf}
    try:
        note_finding(
            rule="verification",
            key=key,
            severity="alarm",
            since=result.time,
            until=result.time,
            count=sum(codes.values()) + len(result.journals),
            node=config.node,
            facts=facts,
        )
    except Error as error:
        log.warning("audit_verification_not_noted", extra={"error": type(error).__name__})


class VerificationLoop:
    """Shows the last result with the bridge's status, and so with the metrics."""

    def __init__(self, config: Config) -> None:
        self._folder = config.verification
        self._result: Result | None = None

    def __call__(self) -> bool:
        self._result = find_result(self._folder)
        return False

    def facts(self) -> Mapping[str, Any]:
        """For the status file; a failed verification is an alarm."""
        result = self._result
        if result is None:
            return {}
        return {
            "alarms": [result.sentence] if result.failed else [],
            "verified": result.size,
            "gauges": [[name, text, [], [[[], value]]] for name, text, value in _gauges(result)],
        }


def _gauges(result: Result) -> list[tuple[str, str, float]]:
    full = dt.datetime.fromisoformat(result.full_at).timestamp() if result.full_at else 0.0
    return [
        (
            "contentserver_audit_verification_failed",
            "Whether the last verification of the ledger failed.",
            float(result.failed),
        ),
        (
            "contentserver_audit_verification_leaves",
            "Records that the last verification reached.",
            result.size,
        ),
        (
            "contentserver_audit_verification_timestamp_seconds",
            "When the last verification ended.",
            result.time.timestamp(),
        ),
        (
            "contentserver_audit_verification_full_timestamp_seconds",
            "When the whole ledger was last found intact.",
            full,
        ),
    ]
