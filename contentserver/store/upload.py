"""An upload, held by one request."""

from types import TracebackType
from uuid import UUID

from contentserver.store.metadata import Metadata
from contentserver.store.results import Receipt


class Upload:
    """Stage one of a file and its commit. Holds the upload's lock from creation or opening until
    `close`.
    """

    id: UUID
    actor: str
    metadata: Metadata
    offset: int
    """Bytes of plaintext received; acknowledged (durable) up to the last `end_part`."""
    length: int | None
    commit_auto: bool
    expires_at_ns: int
    receipt: Receipt | None
    """Set once committed."""

    def set_length(self, length: int) -> None:
        """Announce the length that creation deferred; durable with the next `end_part`. Raises
        TooLarge, ValueError.
        """

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and append; begins a part where none is open. Raises TooLarge beyond `length`,
        NoSpace, Unavailable.
        """

    def end_part(self) -> int:
        """Make all that was written durable; returns the offset that may now be acknowledged. May
        be called without
        bytes. For a direct upload it ends the body, without a flush: the commit makes it
        durable."""

    def abort_part(self) -> None:
        """Forget the open part: the offset goes back to where it began (checksum mismatch, refused
        body).
        """

    def should_yield(self) -> bool:
        """Whether a newer request asks for this upload; never once its commit has begun. A few
        microseconds.
        """

    def commit(
        self,
        *,
        actor: str,
        sha256: bytes | None = None,
        if_match: tuple[str, ...] | None = None,
        if_none_match: tuple[str, ...] | None = None,
        if_unmodified_since: int | None = None,
        same_bytes_ok: bool = False,
        on_behalf_of: str | None = None,
    ) -> Receipt:
        """Make the upload the next version of its file; durable when this returns. A second call
        answers the same.

        `sha256`: the digest declared, if any. `if_match`, `if_none_match`: quoted entity tags, or `("*",)`;
        `if_unmodified_since`: seconds since the epoch. `same_bytes_ok`: bytes, media type,
        filename, data subject and custom metadata equal to the latest's make no version, `created`
        is False. Raises UploadIncomplete, DigestMismatch, PreconditionFailed, YearNotOpen,
        YearSealed, Erased, NoSpace, RootMissing, VersionGap, Unavailable.
        """

    def delete(self) -> None:
        """Remove the upload and what was staged (tus termination)."""

    def close(self) -> None:
        """Let the lock go. An open part is ended first; a direct upload without a commit is
        removed.
        """

    def __enter__(self) -> "Upload": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
