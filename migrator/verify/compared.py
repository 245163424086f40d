"""What came of comparing one file."""

from dataclasses import dataclass
from typing import Literal

from migrator.legacy.description import RecordId

What = Literal[
    "equal", "missing_here", "missing_there", "different", "unreadable", "pending", "erased"
]
DIFFERENCES: frozenset[What] = frozenset(
    {"missing_here", "missing_there", "different", "unreadable"}
)


@dataclass(frozen=True, slots=True)
class Compared:
    """`pending`: it is on its way from one side to the other. `erased`: its data subject was erased
    here; the legacy copy still stands. `size` is what legacy has, in bytes of plaintext.
    """

    what: What
    record: RecordId
    key: str
    size: int = 0
    sha256: bytes | None = None
    detail: str = ""

    @property
    def is_difference(self) -> bool:
        return self.what in DIFFERENCES
