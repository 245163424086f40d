"""Finishing what dead processes had begun, and removing what expired.

Only uploads whose lock is free are touched. A header that names a slot holding the same file means
that the link was made: go on after it. Anything else is still staged. Every step may come twice.
"""

import logging
import time
from collections.abc import Callable
from contextlib import closing
from uuid import UUID

from contentserver.store import fileops
from contentserver.store.checking import Check
from contentserver.store.commit import Committer
from contentserver.store.direct import SUFFIX
from contentserver.store.environment import Environment
from contentserver.store.errors import (
    Corrupt,
    DigestMismatch,
    Erased,
    Refused,
    StoreError,
)
from contentserver.store.locks import LOCK, UploadLock
from contentserver.store.placed import Placed, find_placed
from contentserver.store.results import Recovered, RefusedUpload, receipt_of
from contentserver.store.roots import Root
from contentserver.store.staging import INFO, RECEIPT, find_id
from contentserver.store.upload import Upload
from contentserver.store.uploads import Uploads

logger = logging.getLogger(__name__)

_YOUNG = 60.0
"""Seconds for which a directory without an info may still be in the making."""

_FOR_GOOD = (DigestMismatch, Erased, Corrupt)
"""Refusals of a commit that no later try will change; a check's is kept in the upload's info."""


class Recovery:
    """One walk over the staging of every root. Safe at any time, by any number of processes."""

    def __init__(self, environment: Environment, uploads: Uploads, committer: Committer) -> None:
        self._environment = environment
        self._uploads = uploads
        self._committer = committer

    def run(self, told: Callable[[RefusedUpload], None]) -> list[Recovered]:
        """Finish commits that broke off after their link; commit complete uploads with
        `commit=auto`. `told` hears of each one that a check refused, once.
        """
        found: list[Recovered] = []
        for root in self._environment.roots.iter_open():
            for name in fileops.list_dir(root.staging_fd):
                try:
                    recovered = self._visit(root, name)
                except (StoreError, OSError) as error:
                    logger.warning("the upload %s on %s waits: %s", name, root.name, error)
                    continue
                if isinstance(recovered, RefusedUpload):
                    told(recovered)
                elif recovered is not None and not _told(recovered, found):
                    found.append(recovered)
        return found

    def expire(self) -> int:
        """Remove uploads and receipts past their time; how many. Nothing complete with
        `commit=auto`.
        """
        count = 0
        for root in self._environment.roots.iter_open():
            for name in fileops.list_dir(root.staging_fd):
                try:
                    count += self._expire(root, name)
                except (StoreError, OSError) as error:
                    logger.warning("the upload %s on %s stays: %s", name, root.name, error)
        return count

    def _visit(self, root: Root, name: str) -> Recovered | RefusedUpload | None:
        if name.endswith(SUFFIX):
            return self._visit_direct(root, name)
        upload = None if _has_ended(root, name) else self._take_up(root, name)
        if upload is None:
            return None
        with closing(upload):
            try:
                return _finish(upload, self._environment.check)
            except Refused as refused:
                logger.warning("the upload %s on %s is refused: %s", name, root.name, refused)
                return _describe_refusal(upload, refused)
            except _FOR_GOOD:
                if self._is_expired(upload):
                    upload.delete()
                raise

    def _visit_direct(self, root: Root, name: str) -> Recovered | None:
        """A body that one request staged: in its slot, or nothing that anybody was told of."""
        fd = fileops.find_file(root.staging_fd, name)
        if fd is None:
            return None
        try:
            if not fileops.try_lock(fd, shared=True):
                return None
            placed = find_placed(self._environment, root.staging_fd, name)
            if placed is not None:
                self._committer.finish(placed)
            fileops.unlink_if_there(root.staging_fd, name)
        finally:
            fileops.close(fd)
        return None if placed is None else self._describe(placed, name)

    def _take_up(self, root: Root, name: str) -> Upload | None:
        """The upload, with its lock; None if it is held, not one, or was never acknowledged."""
        upload_id = find_id(name)
        dir_fd = None if upload_id is None else fileops.find_dir(root.staging_fd, name)
        if upload_id is None or dir_fd is None:
            return None
        try:
            lock = UploadLock.acquire(dir_fd, newer=False, patience=0)
        except StoreError:
            fileops.close(dir_fd)
            return None
        if fileops.is_there(dir_fd, INFO):
            return self._uploads.take_up(upload_id, root, dir_fd, lock, even_expired=True)
        # The kernel's time of the folder, so the kernel's clock and not ours.
        if time.time() - fileops.facts_of(dir_fd).modified > _YOUNG:
            fileops.remove_tree(root.staging_fd, name)
        lock.close()
        fileops.close(dir_fd)
        return None

    def _expire(self, root: Root, name: str) -> int:
        upload = None if name.endswith(SUFFIX) else self._take_up(root, name)
        if upload is None:
            return 0
        with closing(upload):
            if not self._is_expired(upload) or upload.is_due():
                return 0
            upload.delete()
            return 1

    def _is_expired(self, upload: Upload) -> bool:
        return upload.expires_at_ns <= self._environment.clock()

    def _describe(self, placed: Placed, name: str) -> Recovered | None:
        try:
            info = self._committer.get_info(placed.address, placed.version)
        except Erased:
            return None
        metadata, upload_id = info.metadata, UUID(name.removesuffix(SUFFIX))
        return Recovered(
            upload_id, metadata.collection, metadata.key, metadata.created_by or "",
            receipt_of(info),
        )  # fmt: skip


def _finish(upload: Upload, check: Check | None) -> Recovered | None:
    if upload.receipt is not None:
        upload.tidy()
        return None
    receipt = upload.resume()
    if receipt is None and upload.commits_itself:
        # As its client's last request would have: bytes that are the latest make no version.
        receipt = upload.commit(actor=upload.actor, same_bytes_ok=True, check=check)
    if receipt is None:
        return None
    metadata = upload.metadata
    return Recovered(upload.id, metadata.collection, metadata.key, upload.actor, receipt)


def _describe_refusal(upload: Upload, refused: Refused) -> RefusedUpload:
    about = upload.metadata
    return RefusedUpload(upload.id, about.collection, about.key, upload.actor, refused.reason)


def _has_ended(root: Root, name: str) -> bool:
    """Whether nothing but a receipt is left: the common case, seen without a lock or a key."""
    names = set(fileops.list_dir(root.staging_fd, name))
    return RECEIPT in names and names <= {LOCK, INFO, RECEIPT}


def _told(recovered: Recovered, found: list[Recovered]) -> bool:
    """A body copied to another file system is met twice."""
    return any(
        (one.collection, one.key, one.receipt.version)
        == (recovered.collection, recovered.key, recovered.receipt.version)
        for one in found
    )
