"""A commit: how a staged body becomes the next version of its file.

Each step is durable before the next begins:

    header, mode 0444, fsync of the file -> directories, fsync of their parents -> link into the
    slot -> fsync of its directory -> link into the outbox, fsync -> (the caller) receipt

So a power cut leaves either nothing of the version, or all of it and a staging name from which
`recovery` goes on. The caller says 201 only after the last step.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from contentserver.store import fileops
from contentserver.store.address import Version, folder_path, slot_name
from contentserver.store.conditions import Conditions, Latest, find_same
from contentserver.store.environment import Environment
from contentserver.store.errors import (
    Corrupt,
    NoSpace,
    NotStored,
    PreconditionFailed,
    SlotTaken,
    Unavailable,
    VersionGap,
)
from contentserver.store.header import seal_header
from contentserver.store.latest import find_latest
from contentserver.store.locks import address_lock
from contentserver.store.metadata import Metadata
from contentserver.store.outbox import feed
from contentserver.store.parts import StagedBody
from contentserver.store.placed import Placed
from contentserver.store.results import Receipt, VersionInfo, etag_of, receipt_of
from contentserver.store.roots import Root
from contentserver.store.stored_file import open_stored
from contentserver.store.versions import Versions

_TRIES = 16


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to become a version: a body, and all that its header will say."""

    body: StagedBody
    metadata: Metadata
    erasure_id: bytes
    deleted: bool = False


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
        with _folder(placed.root, placed.version, placed.address) as folder:
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
            if conditions.same_bytes_ok:
                same = find_same(latest, draft.metadata, draft.body.plain_sha256)
                if same is not None:
                    return self._repeat(same), None
            try:
                return self._place_after(latest, draft, address)
            except SlotTaken:
                continue  # by someone without the lock: look again, judge again
        raise Unavailable("the name of the next version is taken again and again")

    def _repeat(self, same: VersionInfo) -> Receipt:
        """The version that stands there; the one who linked it may have died before its fsync."""
        root = self._environment.roots.get(same.root)
        with _folder(root, same.version, same.address) as folder:
            fileops.sync_dir(folder, "sync_slot_dir")
        return receipt_of(same, created=False)

    def _place_after(
        self, latest: Latest | None, draft: Draft, address: bytes
    ) -> tuple[Receipt, Placed]:
        version = self._next_version(latest)
        root = self._environment.roots.get(self._environment.layout().root_for_commit(version.year))
        now = self._environment.clock()
        self._write_header(draft, address, version, now)
        with _folder(root, version, address) as folder, _on(root, draft.body) as (from_fd, name):
            _refuse_gap(folder, address, version)
            _link(draft.body, from_fd, name, folder, slot_name(address, version.number))
            fileops.sync_dir(folder, "sync_slot_dir")
        body = draft.body
        etag = etag_of(version, body.plain_sha256)
        receipt = Receipt(
            version, etag, body.plain_sha256, body.size, created=True, committed_at_ns=now
        )
        return receipt, Placed(root, address, version)

    def _next_version(self, latest: Latest | None) -> Version:
        """In the later of the clock's year and the latest version's: a clock may be wrong."""
        year = self._environment.year_now()
        if latest is None or latest.version.year < year:
            return Version(year, 1)
        return Version(latest.version.year, latest.version.number + 1)

    def _write_header(self, draft: Draft, address: bytes, version: Version, now: int) -> None:
        body = draft.body
        header = seal_header(
            keyset=self._environment.keyset,
            erasure=self._environment.erasure,
            dek=body.dek,
            file_id=body.file_id,
            header_len=body.header_len,
            address=address,
            version=version,
            metadata=draft.metadata,
            size=body.size,
            body_size=body.body_size,
            committed_at_ns=now,
            body_sha256=body.body_sha256,
            erasure_id=draft.erasure_id,
            deleted=draft.deleted,
        )
        fileops.write_all(body.fd, header, 0)
        fileops.make_read_only(body.fd)
        try:
            fileops.fsync_file(body.fd)
        except BaseException:
            body.spoiled = True
            raise


def _link(body: StagedBody, from_fd: int, name: str, folder: int, slot: str) -> None:
    body.placing = True
    try:
        fileops.link_into_place(from_fd, name, folder, slot)
    except (SlotTaken, NoSpace):
        body.placing = False
        raise


def _refuse_other_subject(latest: Latest | None, draft: Draft) -> None:
    """A delete marker depends on the same erasure key as what it deletes."""
    if latest is None or latest.info is None:
        return
    if latest.info.metadata.data_subject != draft.metadata.data_subject:
        raise PreconditionFailed(latest.version)


def _refuse_gap(folder: int, address: bytes, version: Version) -> None:
    before = slot_name(address, version.number - 1)
    if version.number > 1 and not fileops.is_there(folder, before):
        raise VersionGap(f"version {version} was to be written, but {before} is not there")


@contextmanager
def _folder(root: Root, version: Version, address: bytes) -> Iterator[int]:
    fd = fileops.make_dirs_durably(root.fd, folder_path(version.year, address))
    try:
        yield fd
    finally:
        fileops.close(fd)


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
