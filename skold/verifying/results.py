"""What the last verification found, and from where the next one goes on.

<folder>/result.json    the last one that came to its end
<folder>/state.json     where one can go on: replaced only where nothing was found
<folder>/lock           held while one runs
"""

import contextlib
import dataclasses
import datetime as dt
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skold.disk import FILE_MODE, Disk, opened, replace_durably

RESULT, STATE, LOCK = "result.json", "state.json", "lock"
EVERY = dt.timedelta(hours=20)
"""So that a verification that is asked for each hour runs once a day, whatever the hour."""
FULL_EVERY = dt.timedelta(days=7)


class VerificationRunsError(Exception):
    """Another process verifies this ledger."""


@dataclass(frozen=True, slots=True)
class Result:
    """`exit_code` is the verifier's. `journals` are sentences about journals that hold something
    else than the ledger; `full_at` is when all of the ledger was last verified from its first
    record. Times are RFC 3339.
    """

    at: str
    exit_code: int
    sentence: str
    full: bool
    full_at: str | None
    started_at_leaf: int
    size: int
    records: int
    seconds: float
    records_per_second: int
    findings: list[dict[str, Any]]
    journals: list[str]

    @property
    def failed(self) -> bool:
        """Whether something speaks against the log, or it could not be read."""
        return self.exit_code in (1, 2) or bool(self.journals)

    @property
    def time(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.at)


def find_result(folder: Path) -> Result | None:
    """The last result; None where none can be read."""
    document = _read(folder / RESULT)
    names = {field.name for field in dataclasses.fields(Result)}
    return Result(**document) if document is not None and names == set(document) else None


def write_result(folder: Path, result: Result) -> None:
    Disk().make_folder(folder)
    replace_durably(folder / RESULT, json.dumps(dataclasses.asdict(result), indent=1).encode())


def find_state(folder: Path) -> dict[str, Any] | None:
    """{"state": of the verifier, "journals": positions, "full": bool, "stopped": bool}."""
    return _read(folder / STATE)


def write_state(folder: Path, state: dict[str, Any]) -> None:
    Disk().make_folder(folder)
    replace_durably(folder / STATE, json.dumps(state).encode())


def is_due(folder: Path, now: dt.datetime) -> tuple[bool, bool]:
    """(whether to verify, whether from the first record on)."""
    result, state = find_result(folder), find_state(folder)
    if result is None:
        return True, state is None
    if state is not None and state["stopped"]:
        return True, False
    full = result.full_at is None or now - dt.datetime.fromisoformat(result.full_at) >= FULL_EVERY
    return now - result.time >= EVERY, full


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Raises VerificationRunsError."""
    Disk().make_folder(folder)
    with opened(folder / LOCK, os.O_RDWR | os.O_CREAT, FILE_MODE) as fd:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise VerificationRunsError(
                "the ledger is being verified by another process"
            ) from error
        yield


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
