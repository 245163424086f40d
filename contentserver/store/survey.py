"""What lies in staging, looked at without taking any lock: for people, and for whoever must know
whether there is anything to do. It may be outdated when it is told.
"""

import logging
from collections.abc import Iterator
from uuid import UUID

from contentserver.store import fileops
from contentserver.store.direct import SUFFIX
from contentserver.store.environment import Environment
from contentserver.store.errors import StoreError
from contentserver.store.results import StagedUpload, StagingSurvey
from contentserver.store.roots import Root
from contentserver.store.staging import RECEIPT, UploadInfo, find_id, find_info

logger = logging.getLogger(__name__)


def survey_staging(environment: Environment) -> StagingSurvey:
    """Every upload on the roots that are there, oldest first; receipts and what cannot be read are
    counted.
    """
    found = StagingSurvey()
    for root in environment.roots.iter_open():
        for name in fileops.list_dir(root.staging_fd):
            try:
                _look(environment, root, name, found)
            except (StoreError, OSError) as error:
                logger.warning("the upload %s on %s cannot be read: %s", name, root.name, error)
                found.unreadable += 1
    found.uploads.sort(key=lambda upload: upload.created_at_ns)
    return found


def _look(environment: Environment, root: Root, name: str, found: StagingSurvey) -> None:
    if name.endswith(SUFFIX):
        found.held += sum(_held_by(root.staging_fd, [name]))
        return
    upload_id, dir_fd = find_id(name), fileops.find_dir(root.staging_fd, name)
    if dir_fd is None:
        return
    try:
        names = fileops.list_dir(dir_fd)
        held = sum(_held_by(dir_fd, names))
        found.held += held
        if RECEIPT in names:
            found.receipts += 1
        elif upload_id is not None:
            info = find_info(dir_fd, upload_id, environment.keyset)
            if info is not None:
                found.uploads.append(_describe(upload_id, root, info, held))
    finally:
        fileops.close(dir_fd)


def _held_by(dir_fd: int, names: list[str]) -> Iterator[int]:
    return (fileops.bytes_held(dir_fd, name) for name in names)


def _describe(upload_id: UUID, root: Root, info: UploadInfo, held: int) -> StagedUpload:
    return StagedUpload(
        id=upload_id,
        root=root.name,
        client=info.actor,
        collection=info.metadata.collection,
        length=info.length,
        offset=info.offset,
        held=held,
        commit_auto=info.commit_auto,
        refused=info.refused is not None,
        created_at_ns=info.created_at_ns,
        expires_at_ns=info.expires_at_ns,
    )
