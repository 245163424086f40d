"""A commit: how a staged body becomes the next version of its file.

Each step is durable before the next begins:

    header, mode 0444, fsync of the file -> directories, fsync of their parents -> link into the
    slot -> fsync of its directory -> link into the outbox, fsync -> (the caller) receipt

So a power cut leaves either nothing of the version, or all of it and a staging name from which
`recovery` goes on. The caller says 201 only after the last step.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from contentserver.store import fileops
from contentserver.store.address import Version, slot_name
from contentserver.store.conditions import Conditions, Latest, find_same
from contentserver.store.environment import Environment
from contentserver.store.errors import (
    Corrupt,
    NotStored,
    PreconditionFailed,
    SlotTaken,
    Unavailable,
)
from contentserver.store.latest import find_latest
from contentserver.store.locks import address_lock
from contentserver.store.outbox import feed
from contentserver.store.parts import StagedBody
from contentserver.store.placed import Placed
from contentserver.store.placing import (
    Draft,
    link_body,
    next_version,
    opened_folder,
    refuse_gap,
    sync_body,
    write_header,
)
from contentserver.store.results import Receipt, VersionInfo, receipt_of
from contentserver.store.roots import Root
from contentserver.store.stored_file import open_stored
from contentserver.store.versions import Versions

_TRIES = 16


class Committer:
    """Adds versions to files."""

    def __init__(self, environment: Environment, versions: Versions) -> None:
        self._environment = environment
        self._versions = versions

    def commit(self, draft: Draft, conditions: Conditions) -> Receipt:
        """Make the draft the next version of its file, durably and with its outbox entry.

        Raises as `Upload.commit` says; `draft.body` tells afterwards whether it may be tried again.
        """
        address = self._environment.address(draft.metadata)
        with address_lock(self._environment.roots, address):
            receipt, placed = self._place(draft, address, conditions)
        if placed is not None:
            feed(placed, self._environment.minute_now)
        return receipt

    def finish(self, placed: Placed) -> None:
        """Go on after the link: make the slot's name durable and tell the outbox."""
        with opened_folder(placed.root, placed.version, placed.address) as folder:
            fileops.sync_dir(folder, "sync_slot_dir")
        feed(placed, self._environment.minute_now)

    def get_info(self, address: bytes, version: Version) -> VersionInfo:
        """The facts of a version in its slot. Raises Corrupt, Erased, KeyMissing, NotStored."""
        slot = self._versions.find_exactly(address, version)
        if slot is None:
            raise NotStored
        with open_stored(self._environment, slot.fd, slot.root.name, address, version) as stored:
            return stored.info()

    def _place(
        self, draft: Draft, address: bytes, conditions: Conditions
    ) -> tuple[Receipt, Placed | None]:
        for _ in range(_TRIES):
            latest = find_latest(self._environment, self._versions, address)
            conditions.check(latest, deleting=draft.deleted)
            if draft.deleted:
                _refuse_other_subject(latest, draft)
            if conditions.may_repeat(latest):
                same = find_same(latest, draft.metadata, draft.body.plain_sha256)
                if same is not None:
                    return self.repeat(same), None
            try:
                return self._place_after(latest, draft, address, conditions)
            except SlotTaken:
                continue  # by someone without the lock: look again, judge again
        raise Unavailable("the name of the next version is taken again and again")

    def repeat(self, same: VersionInfo) -> Receipt:
        """The version that stands there; the one who linked it may have died before its fsync."""
        root = self._environment.roots.get(same.root)
        with opened_folder(root, same.version, same.address) as folder:
            fileops.sync_dir(folder, "sync_slot_dir")
        return receipt_of(same, created=False)

    def _place_after(
        self, latest: Latest | None, draft: Draft, address: bytes, conditions: Conditions
    ) -> tuple[Receipt, Placed]:
        version = next_version(self._environment, None if latest is None else latest.version)
        conditions.check_year(version)
        root = self._environment.roots.get(self._environment.layout().root_for_commit(version.year))
        now = self._environment.clock()
        receipt = write_header(self._environment, draft, address, version, now)
        sync_body(draft.body)
        with (
            opened_folder(root, version, address) as folder,
            _on(root, draft.body) as (from_fd, name),
        ):
            refuse_gap(folder, address, version)
            link_body(draft.body, from_fd, name, folder, slot_name(address, version.number))
            fileops.sync_dir(folder, "sync_slot_dir")
        return receipt, Placed(root, address, version)


def _refuse_other_subject(latest: Latest | None, draft: Draft) -> None:
    """A delete marker depends on the same erasure key as what it deletes."""
    if latest is None or latest.info is None:
        return
    if latest.info.metadata.data_subject != draft.metadata.data_subject:
        raise PreconditionFailed(latest.version)


@contextmanager
def _on(root: Root, body: StagedBody) -> Iterator[tuple[int, str]]:
    """The staged file on the root's file system: itself, or a checked and durable copy of it."""
    if fileops.facts_of(body.fd).device == root.device:
        yield body.dir_fd, body.name
        return
    name = f"{body.file_id.hex()}.put"
    fileops.unlink_if_there(root.staging_fd, name)
    fd = fileops.create_exclusive(root.staging_fd, name)
    try:
        # Held like any upload of one request, so that recovery leaves it alone meanwhile.
        fileops.try_lock(fd)
        fileops.copy_file(body.fd, fd)
        if fileops.sha256_of(fd, body.header_len) != body.body_sha256:
            raise Corrupt("the staged ciphertext did not arrive unchanged on the year's root")
        fileops.make_read_only(fd)
        fileops.fsync_file(fd, "sync_copy")
        yield root.staging_fd, name
        fileops.unlink_if_there(root.staging_fd, name)
    finally:
        fileops.close(fd)
