"""Following a signed file: cheap to ask, keeps the last good version, never goes back to a lower
number.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from skold.documents import Document, SignatureInvalid, publish, sign, verify
from skold.high_water import HighWater

__all__ = [
    "Document",
    "PolicyMissing",
    "PolicyTooOld",
    "SignatureInvalid",
    "SignedFile",
    "publish",
    "sign",
    "verify",
]

_log = logging.getLogger(__name__)


class PolicyMissing(Exception):
    """No document that verifies was ever seen here."""


class PolicyTooOld(Exception):
    """The last good document was stamped longer ago than max_age allows."""


class SignedFile:
    """The last good version of a signed file, looked at again each `check_interval` seconds.

    Several processes may follow the same file. The highest number seen is kept beside it, so that a
    file put back to an older state is refused after a restart too.
    """

    def __init__(
        self,
        path: str | Path,
        kind: str,
        verify_keys: Mapping[str, bytes],
        max_age: int | None,
        check_interval: float = 0.25,
        *,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`max_age` in seconds, None for no limit; `clock` gives ns since the epoch, UTC."""
        self.path = Path(path)
        self.alarm: str | None = None  # why the file that lies there now is not the one in use
        self._kind = kind
        self._keys = verify_keys
        self._max_age = max_age
        self._interval = check_interval
        self._clock = clock
        self._monotonic = monotonic
        self._high_water = HighWater(self.path)
        self._seen: tuple[int, int, int] | None = None
        self._next_look = float("-inf")
        self._looking = threading.Lock()
        self._too_old = False
        self._document: Document | None = None

    def current(self) -> Document:
        """The newest good document. Raises PolicyMissing or PolicyTooOld; its age is judged at each
        look at the file.
        """
        if self._monotonic() >= self._next_look:
            self._look_once()
        document = self._document
        if document is None:
            raise PolicyMissing(f"no {self._kind} at {self.path}: {self.alarm}")
        if self._too_old:
            raise PolicyTooOld(
                f"the {self._kind} was stamped {self._age(document):.0f} s ago, more than the "
                f"{self._max_age} s allowed; is the bridge running?"
            )
        return document

    @property
    def age_seconds(self) -> float | None:
        """Seconds since the last good document was stamped; None before the first."""
        return None if self._document is None else self._age(self._document)

    def _is_too_old(self) -> bool:
        document, limit = self._document, self._max_age
        return document is not None and limit is not None and self._age(document) > limit

    def _age(self, document: Document) -> float:
        return self._clock() / 1_000_000_000 - document.issued_at

    def _look_once(self) -> None:
        """One thread looks; the others go on with what is known, or wait while nothing is."""
        if not self._looking.acquire(blocking=self._document is None):
            return
        try:
            now = self._monotonic()
            if now >= self._next_look:
                self._look()
                self._too_old = self._is_too_old()
                self._next_look = now + self._interval
        finally:
            self._looking.release()

    def _look(self) -> None:
        try:
            stat = os.stat(self.path)
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen == self._seen:
                return
            raw = self.path.read_bytes()
        except OSError as error:
            self._raise_alarm(f"it cannot be read: {error}")
            self._seen = None
            return
        self._seen = seen
        try:
            self._consider(verify(raw, self._kind, self._keys))
        except SignatureInvalid as error:
            self._raise_alarm(str(error))

    def _consider(self, document: Document) -> None:
        highest = self._high_water.read()
        if document.number < highest:
            self._raise_alarm(f"its number {document.number} is lower than {highest}, seen before")
            return
        known = self._document
        if (
            known is not None
            and document.number == known.number
            and (document.issued_at < known.issued_at)
        ):
            self._raise_alarm(f"number {document.number} is there with an older stamp")
            return
        self._document = document
        self.alarm = self._high_water.raise_to(document.number)

    def _raise_alarm(self, reason: str) -> None:
        if reason != self.alarm:
            _log.error("the %s at %s is not taken: %s", self._kind, self.path, reason)
        self.alarm = reason
