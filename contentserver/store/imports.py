"""Imports: files of a legacy database on their way into the store.

An importer holds the record's lock from the first to the last of these steps: `note` what stands,
read the source, `begin` a draft and write the bytes, `commit`. The commit holds only if what was
noted is still the latest version.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from contentserver.store.address import address_of
from contentserver.store.commit import Committer
from contentserver.store.direct import DirectStage
from contentserver.store.disk_errors import disk_errors
from contentserver.store.environment import Environment
from contentserver.store.errors import Deleted, Erased, NotStored, StoreError
from contentserver.store.import_batch import ImportBatch
from contentserver.store.import_draft import ImportDraft, Standing
from contentserver.store.import_place import root_for, version_for
from contentserver.store.latest import find_latest
from contentserver.store.metadata import Metadata
from contentserver.store.record_locks import RecordLocks, RecordName
from contentserver.store.results import Receipt
from contentserver.store.uploads import new_info
from contentserver.store.versions import Versions

ACTOR = "migrator"
"""`created_by` of an imported file whose metadata name nobody."""


class Imports:
    """Adds versions that come from a legacy database. May be shared by threads; a draft belongs to
    one at a time.
    """

    def __init__(self, environment: Environment, versions: Versions, committer: Committer) -> None:
        self._environment = environment
        self._versions = versions
        self._committer = committer
        self._batch = ImportBatch(environment, versions, committer)
        self._locks = RecordLocks(environment)

    def hold(
        self, collection: str, key: str, source: str, *, patience: float
    ) -> AbstractContextManager[None]:
        """Hold a legacy record: a context. Raises UploadLocked after `patience` seconds.

        Whoever holds it is never asked to yield. A thread that holds a record must not ask for it
        again.
        """
        return self._locks.hold((collection, key, source), patience)

    def hold_many(
        self, records: Iterable[RecordName], patience: float
    ) -> AbstractContextManager[frozenset[RecordName]]:
        """Hold those of many records, (collection, key, source), that are free within `patience`
        seconds in all: a context that gives them.
        """
        return self._locks.hold_many(records, patience)

    def note(self, collection: str, key: str) -> Standing:
        """What stands now. Raises KeyMissing, RootMissing, Unavailable."""
        address = address_of(self._environment.keyset.naming, collection, key)
        with disk_errors():
            return Standing(find_latest(self._environment, self._versions, address))

    def confirm(self, standing: Standing) -> None:
        """Make durable what stands: whoever linked it may have died before its flush. Does nothing
        where nothing stands, or it does not open. Raises RootMissing, Unavailable.
        """
        if standing.info is not None:
            with disk_errors():
                self._committer.repeat(standing.info)

    def begin(self, metadata: Metadata, standing: Standing) -> ImportDraft:
        """A draft of the version after `standing`.

        The first version of a file goes to the year of `original_time` (the institution's zone),
        which must be open or importing; every later one where a commit would go. Raises Erased,
        ImplausibleTime, YearSealed, YearNotOpen, BadMetadata, RootMissing, NoSpace, Unavailable.
        """
        return self._begin(metadata, standing, deleted=False)

    def commit(self, drafts: Sequence[ImportDraft]) -> list[Receipt | StoreError]:
        """Make each draft the next version of its file: one result each, in their order.

        What has a receipt is durable when this returns. An error of one does not touch the others:
        LatestChanged if another version came between, Erased, DigestMismatch, NoSpace, Unavailable
        and what `Upload.commit` raises. Bytes and facts as they stand already give a receipt with
        `created` False and no version. The drafts are used up.
        """
        return self._batch.commit(drafts)

    def mark_deleted(
        self,
        collection: str,
        key: str,
        standing: Standing,
        *,
        source: str,
        original_time: str | None = None,
    ) -> Receipt:
        """Put a delete marker after `standing`, because the source has the file no more.

        Raises NotStored or Deleted if there is nothing to delete, LatestChanged, Erased, and what
        `begin` raises.
        """
        if standing.version is None:
            raise NotStored
        if standing.deleted:
            raise Deleted(standing.version)
        marker = Metadata(
            collection=collection, key=key, source=source, original_time=original_time,
            data_subject=standing.metadata.data_subject if standing.metadata else None,
        )  # fmt: skip
        (result,) = self.commit([self._begin(marker, standing, deleted=True)])
        if isinstance(result, StoreError):
            raise result
        return result

    def _begin(self, metadata: Metadata, standing: Standing, *, deleted: bool) -> ImportDraft:
        if standing.erased:
            raise Erased
        if metadata.created_by is None:
            metadata = replace(metadata, created_by=ACTOR)
        self._environment.refuse_erased(metadata)
        version = version_for(self._environment, metadata, standing)
        root = root_for(self._environment, version, standing)
        stage = DirectStage(
            self._environment, root, new_info(self._environment, ACTOR, metadata, None)
        )
        return ImportDraft(stage, metadata, standing, version, root, deleted=deleted)
