"""The one door to the store. Every act names its actor; nothing here knows HTTP, users or
databases.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from uuid import UUID

from contentserver.store.address import Version
from contentserver.store.erasure import ErasureKeys
from contentserver.store.keyset import Keyset
from contentserver.store.layout import Layout
from contentserver.store.metadata import Metadata
from contentserver.store.outbox import Entry, Outbox
from contentserver.store.results import Receipt, Recovered, RootSpace, Unreadable, VersionInfo
from contentserver.store.stored_file import StoredFile
from contentserver.store.upload import Upload


class Store:
    """Versions of files on the roots of one machine.

    All methods may block on the disk and belong in a thread, except `open_latest` and
    `StoredFile.read` with `cached_only=True`, which raise `fileops.WouldBlock` instead. Objects may
    be shared by threads; an `Upload` and a `StoredFile` belong to one at a time.
    """

    outbox: Outbox

    def __init__(
        self,
        roots: Sequence[Path],
        layout: Callable[[], Layout],
        keyset: Keyset,
        erasure: ErasureKeys,
        clock: Callable[[], int],
        time_zone: tzinfo,
        upload_expiry: int,
    ) -> None: ...

    def address(self, collection: str, key: str) -> bytes:
        """The 16 bytes under which the file lies."""

    def open_latest(
        self,
        collection: str,
        key: str,
        *,
        as_of: int | None = None,
        version: Version | None = None,
        cached_only: bool = False,
        read_ahead: int = 0,
    ) -> StoredFile:
        """The latest version, the latest of the years up to `as_of`, or exactly `version`.

        `read_ahead` bytes of the body are read together with the header, in one system call (HEAD:
        0, GET: 131072). Raises NotStored, Deleted, Erased, Corrupt, KeyMissing, RootMissing,
        Unavailable; WouldBlock with `cached_only`.
        """

    def is_stable(self, as_of: int) -> bool:
        """Whether every year up to `as_of` is sealed, so that the answer for it can no more change
        by an import.
        """

    def list_versions(self, collection: str, key: str) -> list[VersionInfo]:
        """All versions, oldest first, delete markers among them; empty if there is none."""

    def create_upload(
        self,
        *,
        actor: str,
        metadata: Metadata,
        length: int | None = None,
        upload_id: UUID | None = None,
        commit_auto: bool = False,
        direct: bool = False,
    ) -> Upload:
        """Begin stage one; the Upload holds its lock until closed (context manager).

        `direct` is for both stages in one request: nobody learns the upload's id, so nothing of it
        is durable before the commit, it leaves no receipt, and leaving the context without a commit
        removes it. Otherwise the upload exists durably when this returns. Raises BadMetadata,
        Erased, YearNotOpen, NoSpace, Unavailable, UploadLocked and SlotTaken (`upload_id` exists).
        """

    def open_upload(self, upload_id: UUID, *, newer: bool = True, patience: float = 10.0) -> Upload:
        """Take up an upload again, with its lock; a torn part of a dead request is salvaged first.

        `newer` asks the holder to yield and waits `patience` seconds for it; without it a held
        upload is refused at once. A committed upload opens too: `receipt` is set. Raises
        UploadUnknown, UploadExpired, UploadLocked.
        """

    def delete(
        self,
        collection: str,
        key: str,
        *,
        actor: str,
        if_match: tuple[str, ...] | None = None,
        if_unmodified_since: int | None = None,
        on_behalf_of: str | None = None,
    ) -> Receipt:
        """Put a delete marker as the next version. Raises NotStored, Deleted, PreconditionFailed as
        commit does.
        """

    def recover(self) -> list[Recovered]:
        """Finish what dead processes had begun. At start, every 5 minutes, before expiry. Safe at
        any time.
        """

    def expire_uploads(self) -> int:
        """Remove uploads and receipts past their expiry, after `recover`; how many."""

    def iter_stored(self, year: int | None = None) -> Iterator[VersionInfo | Unreadable]:
        """Every version on disk (of a year), in the order of the folders; for rebuilding the
        catalog.
        """

    def describe(self, entry: Entry) -> VersionInfo | Unreadable:
        """The version an outbox entry is a link to."""

    def space(self) -> list[RootSpace]:
        """Room on every configured root."""

    def problems(self) -> list[str]:
        """What keeps the store from serving all it should, for readiness: missing roots, years not
        open.
        """

    def close(self) -> None:
        """Let the roots go."""
