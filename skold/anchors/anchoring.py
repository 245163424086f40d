"""One place, kept up with: the newest checkpoint each hour, tried again with longer and longer
waits, and never one that does not continue what was anchored before.
"""

import contextlib
import dataclasses
import datetime as dt
import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from skold import checkpoints
from skold.anchors.files import FOLDER, Anchor, find_newest, write_anchor
from skold.anchors.mail import send_by_mail
from skold.anchors.places import MAIL, STAMP, WEB, Place
from skold.anchors.stamp import send_to_authority
from skold.anchors.state import PlaceState, read_place, write_place
from skold.anchors.ways import NotAnchoredError, Receipt, Sent, Ways
from skold.anchors.web import send_by_web
from skold.disk import FILE_MODE, Disk, opened
from skold.ledger.proofs import NoCheckpointError, TreeReader
from skold.merkle import verify_consistency
from skold.notes import split_note

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 60.0, 900.0
"""Seconds after a first failure, doubled up to the longest."""

Send = Callable[[Place, Sent, Ways], Receipt]
SENDERS: dict[str, Send] = {WEB: send_by_web, MAIL: send_by_mail, STAMP: send_to_authority}


class LedgerForkedError(NotAnchoredError):
    """The ledger does not continue a checkpoint that has left the machine."""


class AnchoringRunsError(NotAnchoredError):
    """Another process is at it."""


class Anchoring:
    """Sends to one place. Attempts of two processes never overlap (flock)."""

    def __init__(
        self,
        ledger: Path,
        place: Place,
        ways: Ways,
        *,
        interval: float,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """`interval` in seconds."""
        self.place = place
        self._ledger = ledger
        self._ways = ways
        self._interval = interval
        self._now = now

    def is_due(self) -> bool:
        """Whether the last cover is older than the interval, and a failure long enough ago."""
        now = self._now()
        state = read_place(self._ledger, self.place, now)
        if state.failures and state.tried is not None:
            wait = min(FIRST_WAIT * 2 ** min(state.failures - 1, 10), LONGEST_WAIT)
            return not 0 <= (now - state.tried).total_seconds() < wait
        if state.covered is None:
            return True
        # A clock set back must not keep checkpoints here until it has caught up with itself.
        return not 0 <= (now - state.covered).total_seconds() < self._interval

    def attempt(self) -> Anchor | None:
        """Send the newest checkpoint, unless it was anchored here already or none is there yet.

        Raises NotAnchoredError, after the state says so.
        """
        with self._alone():
            state = read_place(self._ledger, self.place, self._now())
            try:
                anchor = self._send()
            except Exception as error:
                self._note_failure(state, error)
                if isinstance(error, NotAnchoredError):
                    raise
                raise NotAnchoredError(f"{type(error).__name__}: {error}") from error
            self._note_success(state, anchor)
            return anchor

    def _send(self) -> Anchor | None:
        sent = read_checkpoint(self._ledger)
        if sent is None:
            return None
        newest = find_newest(self._ledger)
        if newest is not None:
            _check_continues(self._ledger, newest, sent)
        here = find_newest(self._ledger, self.place.name)
        if here is not None and here.size == sent.size:
            return here
        receipt = SENDERS[self.place.kind](self.place, sent, self._ways)
        at = self._now().isoformat(timespec="microseconds").replace("+00:00", "Z")
        return write_anchor(self._ledger, self.place, sent, receipt, at)

    def _note_success(self, before: PlaceState, anchor: Anchor | None) -> None:
        now = self._now()
        state = PlaceState(since=before.since, tried=now)
        if anchor is not None:
            state = PlaceState(
                since=before.since,
                covered=now,
                at=dt.datetime.fromisoformat(anchor.at),
                size=anchor.size,
                signer_verified=anchor.signer_verified,
                tried=now,
            )
            log.info("anchored", extra={"place": self.place.name, "leaves": anchor.size})
        write_place(self._ledger, self.place, state)

    def _note_failure(self, before: PlaceState, error: Exception) -> None:
        said = f"{error}" if isinstance(error, NotAnchoredError) else type(error).__name__
        level = logging.ERROR if isinstance(error, LedgerForkedError) else logging.WARNING
        log.log(
            level,
            "not_anchored",
            extra={"place": self.place.name, "error": said, "failures": before.failures + 1},
        )
        state = dataclasses.replace(
            before, failures=before.failures + 1, error=said, tried=self._now()
        )
        write_place(self._ledger, self.place, state)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        folder = self._ledger / FOLDER
        Disk().make_folder(folder)
        path = folder / f"{self.place.name}.lock"
        with opened(path, os.O_RDWR | os.O_CREAT, FILE_MODE) as fd:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AnchoringRunsError("another process is anchoring there now") from error
            yield


def read_checkpoint(ledger: Path) -> Sent | None:
    """The newest checkpoint; None for a ledger without one, or without a record."""
    try:
        note = TreeReader(ledger).checkpoint_text()
    except NoCheckpointError:
        return None
    text, _ = split_note(note)
    checkpoint = checkpoints.parse(text)
    if checkpoint.size == 0:
        return None
    return Sent(checkpoint.origin, checkpoint.size, checkpoint.root, note)


def _check_continues(ledger: Path, anchored: Anchor, sent: Sent) -> None:
    """RFC 9162 section 2.1.4. Raises LedgerForkedError."""
    hint = "run manage.py verify_audit, and keep the anchors"
    if sent.size < anchored.size:
        raise LedgerForkedError(
            f"the ledger counts {sent.size} records, and a checkpoint of {anchored.size} has left "
            f"this machine before: {hint}"
        )
    proof = TreeReader(ledger).consistency(anchored.size, sent.size)
    if not verify_consistency(anchored.size, anchored.root, sent.size, sent.root, proof):
        raise LedgerForkedError(
            f"the ledger does not continue its checkpoint of {anchored.size} records, which has "
            f"left this machine before: {hint}"
        )
