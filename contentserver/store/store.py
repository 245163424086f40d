"""The one door to the store. Every act names its actor; nothing here knows HTTP, users or
databases.
"""

import contextlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from uuid import UUID

from contentserver.store import fileops
from contentserver.store.address import Version, address_of
from contentserver.store.checking import Check
from contentserver.store.commit import Committer
from contentserver.store.conditions import Conditions
from contentserver.store.disk_errors import disk_errors
from contentserver.store.environment import Environment
from contentserver.store.erasure import ErasureKeys
from contentserver.store.errors import (
    Deleted,
    KeyMissing,
    NotStored,
    OutsideYears,
    StoreError,
    Unavailable,
)
from contentserver.store.imports import Imports
from contentserver.store.keyset import Keyset
from contentserver.store.layout import Layout, Place
from contentserver.store.metadata import Metadata
from contentserver.store.outbox import Entry, Outbox
from contentserver.store.recovery import Recovery
from contentserver.store.results import (
    Receipt,
    Recovered,
    RefusedUpload,
    RootSpace,
    StagingSurvey,
    Unreadable,
    UploadState,
    VersionInfo,
)
from contentserver.store.roots import Roots
from contentserver.store.space import space_of
from contentserver.store.stored_file import StoredFile, open_stored
from contentserver.store.survey import survey_staging
from contentserver.store.upload import Upload
from contentserver.store.uploads import Uploads
from contentserver.store.versions import Versions
from contentserver.store.walk import describe_entry, iter_stored


def _tell_nobody(refused: RefusedUpload) -> None:
    pass


class Store:
    """Versions of files on the roots of one machine.

    All methods may block on the disk and belong in a thread, except `open_latest` and
    `StoredFile.read` with `cached_only=True`, which raise `fileops.WouldBlock` instead. A store may
    be shared by threads; an `Upload` and a `StoredFile` belong to one at a time.
    """

    def __init__(  # noqa: PLR0917 - all that the store needs comes in here
        self,
        roots: Sequence[Path],
        layout: Callable[[], Layout],
        keyset: Keyset,
        erasure: ErasureKeys,
        clock: Callable[[], int],
        time_zone: tzinfo,
        upload_expiry: int,
        check: Check | None = None,
    ) -> None:
        """`clock`: ns since the epoch, UTC. `time_zone`: the institution's. `upload_expiry`: s.
        `check`: for uploads that `recover` commits; all others bring theirs to `commit`.

        The first of `roots` also holds the locks of addresses: all processes list it first.
        """
        self._environment = Environment(
            Roots(roots), layout, keyset, erasure, clock, time_zone, upload_expiry, check
        )
        self._versions = Versions(self._environment)
        self._committer = Committer(self._environment, self._versions)
        self._uploads = Uploads(self._environment, self._committer)
        self._recovery = Recovery(self._environment, self._uploads, self._committer)
        self.imports = Imports(self._environment, self._versions, self._committer)
        self.outbox = Outbox(self._environment.roots, self._environment.minute_now)

    @property
    def check(self) -> Check | None:
        """What every file passes before its commit; None where nothing is asked of it."""
        return self._environment.check

    def address(self, collection: str, key: str) -> bytes:
        """The 16 bytes under which the file lies."""
        return address_of(self._environment.keyset.naming, collection, key)

    def open_latest(
        self,
        collection: str,
        key: str,
        *,
        as_of: int | None = None,
        version: Version | None = None,
        years: Container[int] | None = None,
        cached_only: bool = False,
        read_ahead: int = 0,
    ) -> StoredFile:
        """The latest version, the latest of the years up to `as_of`, or exactly `version`.

        The kernel begins to fetch `read_ahead` bytes of the body, so that a read that follows finds
        them in memory. A version that answers but is of none of `years` is not opened:
        OutsideYears. Raises NotStored, Deleted, Erased, Corrupt, KeyMissing, RootMissing,
        Unavailable; WouldBlock with `cached_only`.
        """
        address = self.address(collection, key)
        try:
            if version is None:
                slot = self._versions.find_latest(address, as_of=as_of, cached_only=cached_only)
            else:
                slot = self._versions.find_exactly(address, version, cached_only=cached_only)
            answering = version or (slot and slot.version)
            if years is not None and answering is not None and answering.year not in years:
                if slot is not None:
                    fileops.close(slot.fd)
                raise OutsideYears(answering.year)
            if slot is None:
                raise NotStored
            stored = open_stored(
                self._environment, slot.fd, slot.root.name, address, slot.version,
                cached_only=cached_only, read_ahead=read_ahead,
            )  # fmt: skip
        except OSError as error:
            raise Unavailable(f"the disk refused: {error.strerror or error}") from error
        if stored.header.deleted:
            stored.close()
            raise Deleted(slot.version)
        return stored

    def is_stable(self, as_of: int) -> bool:
        """Whether every year up to `as_of` is sealed, so that no import can change its answer."""
        return self._environment.layout().is_stable(as_of)

    def year_now(self) -> int:
        """The year that a commit of a new file would go to, by the institution's clock."""
        return self._environment.year_now()

    def list_versions(
        self, collection: str, key: str, years: Container[int] | None = None
    ) -> list[VersionInfo]:
        """All versions, oldest first, delete markers among them; empty if there is none.

        With `years` those of other years are left out, unopened; OutsideYears if no other is there.
        Raises Erased, Corrupt, KeyMissing for the first that does not open; RootMissing,
        Unavailable.
        """
        address = self.address(collection, key)
        with disk_errors():
            placed = self._versions.list_versions(address)
            wanted = placed if years is None else [each for each in placed if each.year in years]
            if placed and not wanted:
                raise OutsideYears(placed[-1].year)
            return [self._committer.get_info(address, version) for version in wanted]

    def create_upload(
        self,
        *,
        actor: str,
        metadata: Metadata,
        length: int | None = None,
        upload_id: UUID | None = None,
        commit_auto: bool = False,
        direct: bool = False,
        client_metadata: str | None = None,
    ) -> Upload:
        """Begin stage one; the Upload holds its lock until closed (it is a context).

        `actor` becomes the file's `created_by` where the metadata name none. `direct` is for both
        stages in one request: nobody learns the upload's id, so nothing of it is durable before the
        commit, it leaves no receipt, and closing it without a commit removes it. Otherwise the
        upload exists durably when this returns. `client_metadata` is kept for `Upload` alone.

        Raises BadMetadata, TooLarge, Erased, KeyMissing, YearNotOpen, YearSealed, RootMissing,
        NoSpace, Unavailable, and SlotTaken if `upload_id` exists.
        """
        return self._uploads.create(
            actor=actor, metadata=metadata, length=length, upload_id=upload_id,
            commit_auto=commit_auto, direct=direct, client_metadata=client_metadata,
        )  # fmt: skip

    def open_upload(self, upload_id: UUID, *, newer: bool = True, patience: float = 10.0) -> Upload:
        """Take up an upload again, with its lock; a torn part of a dead request is salvaged first.

        `newer` asks the holder to yield and waits `patience` seconds for it; without it a held
        upload is refused at once. A committed upload opens too: `receipt` is set. Raises
        UploadUnknown, UploadExpired, UploadLocked, RootMissing, Corrupt, KeyMissing.
        """
        return self._uploads.open(upload_id, newer=newer, patience=patience)

    def describe_upload(self, upload_id: UUID) -> UploadState:
        """What stands of an upload, an expired one too, without waiting for its lock: to see whose
        it is before anybody is made to yield.

        Raises UploadUnknown, RootMissing, Corrupt, KeyMissing.
        """
        return self._uploads.describe(upload_id)

    def now_ns(self) -> int:
        """The store's clock, against which uploads expire: ns since the epoch."""
        return self._environment.clock()

    def find_receipt(self, upload_id: UUID) -> Receipt | None:
        """The receipt of a committed upload, without waiting for its lock; None before its commit.

        Raises UploadUnknown, UploadExpired, RootMissing.
        """
        return self._uploads.find_receipt(upload_id)

    def delete(
        self,
        collection: str,
        key: str,
        *,
        actor: str,
        if_match: tuple[str, ...] | None = None,
        if_none_match: tuple[str, ...] | None = None,
        if_unmodified_since: int | None = None,
        on_behalf_of: str | None = None,
        years: Container[int] | None = None,
    ) -> Receipt:
        """Put a delete marker as the next version; nothing is removed. Conditions as in `commit`.

        Both the version that it hides and the marker itself must be of `years`. Raises NotStored,
        Deleted (it is already), PreconditionFailed, Erased, and what `commit` does.
        """
        with self.open_latest(collection, key, years=years) as latest:
            subject = latest.metadata.data_subject
        marker = Metadata(
            collection=collection, key=key, created_by=actor, data_subject=subject,
            on_behalf_of=on_behalf_of,
        )  # fmt: skip
        return self._uploads.put_marker(
            marker, Conditions(if_match, if_none_match, if_unmodified_since, years=years)
        )

    def refuse_erased(self, collection: str, subject: str) -> None:
        """Raise Erased if the data subject was erased, whether or not a file of it is stored.

        Raises Corrupt, Unavailable.
        """
        erasure = self._environment.erasure
        with disk_errors(), contextlib.suppress(KeyMissing):
            erasure.get(erasure.id_for(collection, subject))

    def recover(self, told: Callable[[RefusedUpload], None] = _tell_nobody) -> list[Recovered]:
        """Finish what dead processes had begun. At start and every 5 minutes; safe at any time.

        `told` hears, once, of each upload that would have committed itself and that the check
        refused.
        """
        return self._recovery.run(told)

    def expire_uploads(self) -> int:
        """Remove uploads and receipts past their expiry; how many. Call `recover` before."""
        return self._recovery.expire()

    def survey_staging(self) -> StagingSurvey:
        """What lies in staging now, looked at without a lock. Raises nothing for what is damaged:
        it is counted.
        """
        return survey_staging(self._environment)

    def iter_stored(
        self, year: int | None = None, after: bytes = b""
    ) -> Iterator[VersionInfo | Unreadable]:
        """Every version on disk (of a year), by year, address and number: the catalog's source.

        With `after`, only addresses behind that one; nothing of the others is opened.
        """
        return iter_stored(self._environment, year, after)

    def describe(self, entry: Entry) -> VersionInfo | Unreadable:
        """The version an outbox entry is a link to. Raises NotStored if the entry is gone."""
        return describe_entry(self._environment, entry)

    def make_year(self, year: int, root: str) -> None:
        """Make a year's folder on a root, durably; it may be there. Before the layout names a year
        that takes no commits. Raises RootMissing, NoSpace, Unavailable.
        """
        with disk_errors():
            top = self._environment.roots.get(root).fd
            fileops.close(fileops.make_dirs_durably(top, str(year)))

    def space(self) -> list[RootSpace]:
        """Room on every configured root."""
        return space_of(self._environment.roots)

    def problems(self) -> list[str]:
        """What keeps the store from taking or serving all it should; [] if nothing."""
        roots = self._environment.roots
        found = [f"storage root: {reason}" for reason in roots.missing().values()]
        try:
            layout = self._environment.layout()
            for year in layout.iter_years():
                found += _problems_of(roots, year, layout.places(year))
            layout.root_for_commit(self._environment.year_now())
        except StoreError as error:
            found.append(str(error))
        return found

    def close(self) -> None:
        """Let the roots go; open files and uploads end with their own `close`."""
        self._environment.roots.close()


def _problems_of(roots: Roots, year: int, places: Iterable[Place]) -> list[str]:
    """What is missing of a year: the root, or the folder of a year that takes no commits."""
    found = []
    for place in places:
        try:
            root = roots.get(place.root)
            if place.state != "open":
                root.check_year(year)
        except StoreError as error:
            found.append(str(error))
    return found
