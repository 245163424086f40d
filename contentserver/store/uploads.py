"""Beginning an upload, and taking one up again."""

import os
from contextlib import closing
from dataclasses import replace
from uuid import UUID, uuid4

from contentserver.store import fileops
from contentserver.store.commit import Committer
from contentserver.store.conditions import Conditions
from contentserver.store.direct import DirectStage
from contentserver.store.disk_errors import disk_errors
from contentserver.store.environment import Environment
from contentserver.store.errors import (
    RootMissing,
    TooLarge,
    UploadExpired,
    UploadUnknown,
)
from contentserver.store.header import header_length_for
from contentserver.store.kept import KeptStage
from contentserver.store.locks import UploadLock
from contentserver.store.metadata import Metadata
from contentserver.store.placing import Draft
from contentserver.store.receipts import find_receipt
from contentserver.store.results import Receipt, UploadState
from contentserver.store.roots import Root
from contentserver.store.segments import SIZE_LIMIT
from contentserver.store.staging import UploadInfo, find_info
from contentserver.store.upload import Upload

_NS = 1_000_000_000


class Uploads:
    """All uploads on all roots."""

    def __init__(self, environment: Environment, committer: Committer) -> None:
        self._environment = environment
        self._committer = committer

    def create(
        self,
        *,
        actor: str,
        metadata: Metadata,
        length: int | None,
        upload_id: UUID | None,
        commit_auto: bool,
        direct: bool,
        client_metadata: str | None = None,
    ) -> Upload:
        """As `Store.create_upload`."""
        if length is not None and not 0 <= length <= SIZE_LIMIT:
            raise TooLarge(f"a file has at most {SIZE_LIMIT} bytes")
        root = self._root()
        metadata = replace(metadata, created_by=metadata.created_by or actor)
        info = new_info(
            self._environment, actor, metadata, length, upload_id, commit_auto=commit_auto
        )
        info.client_metadata = client_metadata
        with disk_errors():
            erasure_id = self._environment.obtain_erasure_id(metadata)
            make = DirectStage if direct else KeptStage.create
            stage = make(self._environment, root, info)
        return Upload(stage, info, self._committer, erasure_id, direct=direct)

    def open(self, upload_id: UUID, *, newer: bool, patience: float) -> Upload:
        """As `Store.open_upload`."""
        with disk_errors():
            root, dir_fd = self._find_dir(upload_id)
            try:
                lock = UploadLock.acquire(dir_fd, newer=newer, patience=patience)
            except BaseException:
                fileops.close(dir_fd)
                raise
            return self.take_up(upload_id, root, dir_fd, lock)

    def take_up(
        self,
        upload_id: UUID,
        root: Root,
        dir_fd: int,
        lock: UploadLock,
        *,
        even_expired: bool = False,
    ) -> Upload:
        """An upload whose lock is held; both descriptors are taken over, and closed on any error.

        Raises UploadUnknown, UploadExpired, Corrupt, KeyMissing.
        """
        stage: KeptStage | None = None
        try:
            info = self._get_info(dir_fd, upload_id, even_expired=even_expired)
            stage = KeptStage(self._environment, root, dir_fd, lock, info)
            kept = find_receipt(dir_fd, upload_id, self._environment.keyset)
            if kept is None:
                stage.salvage()
        except BaseException:
            if stage is not None:
                stage.close()
            else:
                lock.close()
                fileops.close(dir_fd)
            raise
        erasure_id = self._environment.erasure_id(info.metadata)
        return Upload(
            stage, info, self._committer, erasure_id, direct=False,
            receipt=None if kept is None else kept.receipt,
        )  # fmt: skip

    def find_receipt(self, upload_id: UUID) -> Receipt | None:
        """The receipt of a committed upload, without its lock; None if it is not committed.

        Raises UploadUnknown, UploadExpired.
        """
        with disk_errors():
            _, dir_fd = self._find_dir(upload_id)
            try:
                kept = find_receipt(dir_fd, upload_id, self._environment.keyset)
            finally:
                fileops.close(dir_fd)
        if kept is None:
            return None
        if kept.expires_at_ns <= self._environment.clock():
            raise UploadExpired
        return kept.receipt

    def describe(self, upload_id: UUID) -> UploadState:
        """As `Store.describe_upload`."""
        with disk_errors():
            _, dir_fd = self._find_dir(upload_id)
            try:
                info = find_info(dir_fd, upload_id, self._environment.keyset)
                kept = find_receipt(dir_fd, upload_id, self._environment.keyset)
            finally:
                fileops.close(dir_fd)
        if info is None:
            raise UploadUnknown
        return _state_of(info, None if kept is None else kept.receipt)

    def put_marker(self, metadata: Metadata, conditions: Conditions) -> Receipt:
        """Add a delete marker: a version with an empty body."""
        actor = metadata.created_by or ""
        info = new_info(self._environment, actor, metadata, 0)
        with disk_errors(), closing(DirectStage(self._environment, self._root(), info)) as stage:
            stage.keep_part(stage.begin_part())
            body = stage.get_body()
            metadata = replace(metadata, sha256=body.plain_sha256.hex())
            erasure_id = self._environment.obtain_erasure_id(metadata)
            receipt = self._committer.commit(
                Draft(body, metadata, erasure_id, deleted=True), conditions
            )
            stage.clear()
            return receipt

    def _get_info(self, dir_fd: int, upload_id: UUID, *, even_expired: bool) -> UploadInfo:
        info = find_info(dir_fd, upload_id, self._environment.keyset)
        if info is None:
            raise UploadUnknown
        if not even_expired and info.expires_at_ns <= self._environment.clock():
            raise UploadExpired
        return info

    def _root(self) -> Root:
        environment = self._environment
        return environment.roots.get(environment.layout().root_for_commit(environment.year_now()))

    def _find_dir(self, upload_id: UUID) -> tuple[Root, int]:
        for root in self._environment.roots.iter_open():
            dir_fd = fileops.find_dir(root.staging_fd, str(upload_id))
            if dir_fd is not None:
                return root, dir_fd
        for path in self._environment.roots.missing():
            raise RootMissing(str(path))
        raise UploadUnknown


def _state_of(info: UploadInfo, receipt: Receipt | None) -> UploadState:
    return UploadState(
        actor=info.actor,
        metadata=info.metadata,
        length=info.length,
        offset=info.offset,
        commit_auto=info.commit_auto,
        expires_at_ns=info.expires_at_ns,
        client_metadata=info.client_metadata,
        receipt=receipt,
    )


def new_info(
    environment: Environment,
    actor: str,
    metadata: Metadata,
    length: int | None,
    upload_id: UUID | None = None,
    *,
    commit_auto: bool = False,
) -> UploadInfo:
    """What is known of an upload as it begins, with keys of its own."""
    now = environment.clock()
    return UploadInfo(
        id=upload_id or uuid4(),
        actor=actor,
        metadata=metadata,
        length=length,
        commit_auto=commit_auto,
        created_at_ns=now,
        expires_at_ns=now + environment.upload_expiry * _NS,
        header_len=header_length_for(metadata),
        file_id=new_file_id(now),
        dek=os.urandom(32),
        upload_key=os.urandom(32),
    )


def new_file_id(now_ns: int) -> bytes:
    """A UUIDv7 (RFC 9562): milliseconds of the clock, then 74 random bits."""
    random = int.from_bytes(os.urandom(10), "big")
    milliseconds = (now_ns // 1_000_000) & (1 << 48) - 1
    value = milliseconds << 80 | 0x7 << 76 | (random >> 64 & 0xFFF) << 64
    return (value | 0b10 << 62 | random & (1 << 62) - 1).to_bytes(16, "big")
