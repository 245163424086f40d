"""The change feed: one hard link for each commit, by the minute, until every consumer has taken it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from contentserver.store.address import Version


@dataclass(frozen=True, slots=True)
class Entry:
    """A link to a version in the outbox of a consumer; it may come twice."""

    root: str
    box: str
    minute: str
    name: str
    address: bytes
    version: Version


class Outbox:
    """The outboxes of all roots. Consumers are idempotent."""

    def fan_out(self, consumers: Sequence[str]) -> int:
        """Move every entry of `new` to each consumer, durably there before it leaves `new`; how
        many entries.
        """

    def iter_entries(self, consumer: str) -> Iterator[Entry]:
        """Entries waiting for a consumer, oldest minute first."""

    def done(self, entries: Iterable[Entry]) -> None:
        """Forget entries whose work is durable; emptied minutes of the past go too."""

    def oldest_minute(self, box: str) -> datetime | None:
        """The oldest minute (UTC) with an entry in `new` or a consumer's box: the lag. None when
        all is taken.
        """
