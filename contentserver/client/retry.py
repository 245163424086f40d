"""When a request may be sent again, and when: one table, one back-off.

What may be repeated: whatever does the same when done twice. A PUT does, because equal bytes are
answered 200 (docs/http.md, Writing); a commit is answered from its receipt; an upload that nobody
knows of expires. A PATCH does not: HEAD tells first where the upload stands (tus 1.0.0).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from contentserver.client.errors import ClientError

BASE: Final = 0.5  # seconds, of the first pause at most
CAP: Final = 20.0  # seconds, of any pause that the server did not ask for
PATIENCE: Final = 60.0  # seconds; a longer Retry-After is told to the caller instead
PASSING: Final = frozenset({408, 423, 425, 429, 502, 503, 504})  # statuses that may be gone soon
ELSEWHERE: Final = frozenset({502, 503, 504})  # statuses that another address may not have


# Problems that say nothing of the address, only of one file there.
OF_THE_FILE: Final = frozenset({"file_damaged", "legacy_damaged", "key_missing"})


@dataclass(frozen=True, slots=True)
class Rule:
    """`repeat`: twice does the same as once. `elsewhere`: the second address may answer."""

    repeat: bool
    elsewhere: bool = False


RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("GET", "content"): Rule(repeat=True, elsewhere=True),
    ("HEAD", "content"): Rule(repeat=True, elsewhere=True),
    ("PUT", "content"): Rule(repeat=True),
    ("DELETE", "content"): Rule(repeat=True),
    ("GET", "versions"): Rule(repeat=True, elsewhere=True),
    ("POST", "heads"): Rule(repeat=True, elsewhere=True),
    ("POST", "uploads"): Rule(repeat=True),
    ("HEAD", "uploads"): Rule(repeat=True),
    ("PATCH", "uploads"): Rule(repeat=False),
    ("DELETE", "uploads"): Rule(repeat=True),
    ("POST", "commit"): Rule(repeat=True),
    ("GET", "files"): Rule(repeat=True, elsewhere=True),
    # A cursor of the feed is the node's own.
    ("GET", "changes"): Rule(repeat=True),
}


class Patience:
    """Counts failures in a row and says how long to wait: full jitter, at least Retry-After."""

    def __init__(self, retries: int, chance: Callable[[], float]) -> None:
        self._retries = retries
        self._chance = chance
        self._failures = 0

    def renew(self) -> None:
        """Something went forward: begin to count anew."""
        self._failures = 0

    def pause(self, failure: ClientError) -> float:
        """Seconds to wait before the next attempt. Raises `failure` when there is none."""
        asked = failure.retry_after or 0.0
        if self._failures >= self._retries or asked > PATIENCE:
            raise failure
        longest: float = min(CAP, BASE * 2.0**self._failures)
        self._failures += 1
        return asked + self._chance() * longest
