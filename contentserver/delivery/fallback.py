"""What delivery asks of a legacy database while its files are being moved.

The class that answers is named by the configuration; delivery knows this protocol alone.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class LegacyUnavailable(Exception):
    """The legacy database does not answer, or not in time. 503 with Retry-After."""


class LegacyDamaged(Exception):
    """The legacy record cannot be read: a chunk is missing, torn, of a wrong digest. 503."""


@dataclass(frozen=True, slots=True)
class LegacyFile:
    """The current state of one legacy record.

    `content` is the whole plaintext where it is short, checked against all that the record
    declares; of a long file a stream, which raises LegacyDamaged rather than end early, and which
    the taker closes with `aclose`. `size` in bytes and `sha256` are None where they are not known
    before the end. `modified_ns`: ns since the epoch, UTC, as legacy claims.
    """

    content: bytes | AsyncIterator[bytes]
    size: int | None
    sha256: bytes | None
    media_type: str
    filename: str | None
    modified_ns: int | None
    data_subject: str | None


class FallbackSource(Protocol):
    """All sources of this node. Every method may be called by a thousand requests at once; none
    waits longer than a few seconds before it raises LegacyUnavailable.
    """

    async def start(self) -> None:
        """Begin; never fails because a legacy database is away."""

    async def close(self) -> None:
        """Let all connections go."""

    def describe(self, sources: Sequence[Mapping[str, Any]]) -> None:
        """Take the sources of the policy in force: `attached["sources"]`."""

    async def is_pending(self, source: str, key: str) -> bool:
        """Whether a change of this file was committed in legacy, at the latest when this was
        called, that may not have reached the disk yet. Raises LegacyUnavailable.
        """

    async def open(self, source: str, key: str) -> LegacyFile | None:
        """The current state; None where legacy has no such record. Raises LegacyUnavailable,
        LegacyDamaged.
        """

    async def bring(self, source: str, key: str) -> bool:
        """Import a file of which no version stands, once, however many ask in however many
        processes. True: a version stands on disk now; False: legacy has none either.

        Raises LegacyUnavailable, LegacyDamaged, and what a commit raises (StoreError).
        """
