"""What became of one legacy record."""

import re
from dataclasses import dataclass
from typing import Literal

from contentserver.store.address import Version
from contentserver.store.errors import NoSpace, RootMissing, StoreError, Unavailable
from migrator.legacy.description import RecordId
from migrator.legacy.errors import LegacyError

What = Literal[
    "imported", "same", "deleted", "absent", "stands", "erased", "failed", "busy"
]  # fmt: skip
SETTLED: frozenset[What] = frozenset({"imported", "same", "deleted", "absent", "erased"})
"""Disk and legacy agree, as of the reading: the events noted before it can go."""

FOR_ALL = (NoSpace, RootMissing, Unavailable)
"""Errors of the store that would meet the next record as well."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`size` in bytes of plaintext; `error` where it failed, or was busy for a reason.

    imported: a new version. same: bytes and facts stood there. deleted: a delete marker. absent:
    neither legacy nor disk has it. stands: nothing was looked at, some version stands. erased: its
    data subject was erased, nothing is imported any more. busy: somebody else is at it.
    """

    record_id: RecordId
    key: str | None
    what: What
    version: Version | None = None
    size: int = 0
    error: LegacyError | StoreError | None = None

    @property
    def settled(self) -> bool:
        return self.what in SETTLED

    @property
    def error_name(self) -> str:
        """A word that stays, for counting; empty where there is no error."""
        if self.error is None:
            return ""
        if isinstance(self.error, LegacyError):
            return self.error.name
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self.error).__name__).lower()
