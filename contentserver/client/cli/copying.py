"""A copy of a folder, up or down: several files at once, a line each in the manifest, a summary."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from contentserver.client import errors
from contentserver.client.cli.display import Display, Told
from contentserver.client.cli.failures import TROUBLE, Failure, explain
from contentserver.client.cli.manifest import Entry
from contentserver.client.cli.workers import Stopped, run_all

State = Literal["copied", "unchanged", "skipped", "planned", "failed"]
HOPELESS = (errors.Unauthenticated, errors.Unreachable)
"""One of these ends a copy: the next file would meet the same."""
SPREADING = (errors.NotFound, errors.Unavailable, errors.TooManyRequests, errors.NoSpace)
IN_A_ROW = 10
"""So many of these one after the other do, too."""


class File(Protocol):
    """A file to be copied; `size` in bytes."""

    @property
    def key(self) -> str: ...
    @property
    def size(self) -> int: ...


F = TypeVar("F", bound=File)
F_contra = TypeVar("F_contra", bound=File, contravariant=True)


class Ledger(Protocol):
    """What is known of earlier runs, and what this one adds to it."""

    def find(self, key: str) -> Entry | None: ...
    def add(self, entry: Entry) -> None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file. `size` in bytes; `error` says why it failed or was skipped."""

    key: str
    state: State
    size: int = 0
    sha256: str | None = None
    version: str | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Direction(Protocol[F_contra]):
    """Up or down."""

    def settle(self, file: F_contra) -> Outcome | None:
        """What is there already, or must not be copied; None if it has to be."""

    def transfer(self, file: F_contra, told: Told) -> Outcome:
        """Copy it. Raises whatever befalls it."""


@dataclass(slots=True)
class Summary:
    """`sizes` are the bytes of the files of each state; `fatal` is what ended the copy early."""

    counts: dict[State, int] = field(default_factory=dict)
    sizes: dict[State, int] = field(default_factory=dict)
    fatal: Failure | None = None
    failed_in_a_row: int = 0

    def add(self, outcome: Outcome) -> None:
        state = outcome.state
        self.counts[state] = self.counts.get(state, 0) + 1
        self.sizes[state] = self.sizes.get(state, 0) + outcome.size

    def count(self, state: State) -> int:
        return self.counts.get(state, 0)


class Copy(Generic[F]):
    """Runs once. `tell` hears each outcome, on the thread that called `run`."""

    def __init__(
        self, direction: Direction[F], ledger: Ledger, display: Display,
        tell: Callable[[Outcome], None], *, jobs: int, dry_run: bool = False,
    ) -> None:  # fmt: skip
        self._direction, self._ledger, self._display = direction, ledger, display
        self._tell, self._jobs, self._dry_run = tell, jobs, dry_run
        self._stop = threading.Event()
        self.summary = Summary()

    def run(self, files: Iterable[F]) -> None:
        """KeyboardInterrupt goes through, after the transfers under way have ended."""
        results = run_all(files, self._one, jobs=self._jobs, stop=self._stop)
        try:
            for outcome, failure in results:
                self.settled(outcome)
                self._judge(outcome, failure)
        finally:
            self._stop.set()
            results.close()  # its threads end

    def settled(self, outcome: Outcome) -> None:
        """Count and tell."""
        self.summary.add(outcome)
        self._display.settled(outcome.state, 0 if outcome.state == "copied" else outcome.size)
        self._tell(outcome)

    def _one(self, file: F) -> tuple[Outcome, Exception | None]:
        try:
            return self._copied(file), None
        except TROUBLE as error:
            said = explain(error).message
            if not self._dry_run:
                self._note(file, said)
            return Outcome(file.key, "failed", file.size, error=said), error

    def _note(self, file: F, error: str) -> None:
        """An upload that was begun is kept in mind."""
        before = self._ledger.find(file.key)
        upload, mtime_ns = (before.upload, before.mtime_ns) if before else (None, None)
        self._ledger.add(
            Entry(file.key, "failed", file.size, mtime_ns=mtime_ns, upload=upload, error=error)
        )

    def _copied(self, file: F) -> Outcome:
        if (settled := self._direction.settle(file)) is not None:
            return settled
        if self._dry_run:
            return Outcome(file.key, "planned", file.size)
        with self._display.file(file.key, file.size) as told:
            return self._direction.transfer(file, self._stopping(told))

    def _stopping(self, told: Told) -> Told:
        def tell(moved: Any) -> None:
            if self._stop.is_set():
                raise Stopped
            told(moved)

        return tell

    def _judge(self, outcome: Outcome, error: Exception | None) -> None:
        """End what has become hopeless."""
        if error is None:
            self.summary.failed_in_a_row = 0
            return
        self.summary.failed_in_a_row += isinstance(error, SPREADING)
        if isinstance(error, HOPELESS) or self.summary.failed_in_a_row >= IN_A_ROW:
            self.summary.fatal = self.summary.fatal or explain(error, outcome.key)
            self._stop.set()
