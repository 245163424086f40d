"""Uploads past their time, for whoever has no store open: beat, and people at a terminal.

Data plane and bridge do the same each five minutes. Neither does harm to the other: an upload is
removed by whoever gets its lock.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from contentserver import runtime
from contentserver.conf import Config
from contentserver.operations.recovery import recover_uploads
from contentserver.store.errors import UploadUnknown
from contentserver.store.results import StagedUpload, StagingSurvey
from contentserver.store.store import Store
from skold.journal import Journal


@dataclass(frozen=True, slots=True)
class Expiry:
    """What was done, or would be. `expired` counts receipts too; `uploads` are those that lost
    bytes.
    """

    recovered: int = 0
    expired: int = 0
    uploads: list[StagedUpload] = field(default_factory=list)


@contextmanager
def opened_store(config: Config) -> Iterator[Store]:
    """The store of this machine, closed at the end. Raises KeyMissing, UnusableCheck."""
    keyset = runtime.data_keyset(config)
    store = runtime.open_store(config, keyset, runtime.layout_file(config, keyset))
    try:
        yield store
    finally:
        store.close()


def plan_expiry(config: Config) -> Expiry:
    """What `expire` would do to uploads now; it touches nothing."""
    with opened_store(config) as store:
        return _plan(store.survey_staging())


def expire_due(config: Config, *, actor: str) -> Expiry:
    """Look first: where nothing commits itself and nothing is overdue, no journal is opened.

    Receipts alone are removed without one. Raises JournalUnavailable.
    """
    with opened_store(config) as store:
        plan = _plan(store.survey_staging())
        if not plan.recovered and not plan.uploads:
            return Expiry(expired=store.expire_uploads())
        journal = runtime.open_journal(config)
        journal.start()
        try:
            return expire(store, journal, actor=actor)
        finally:
            journal.close()


def expire(store: Store, journal: Journal, *, actor: str) -> Expiry:
    """Commit what was to commit itself, each recorded, then remove what is past its time."""
    recovered = recover_uploads(actor=actor, store=store, journal=journal)
    before = _plan(store.survey_staging()).uploads
    expired = store.expire_uploads()
    standing = {upload.id for upload in store.survey_staging().uploads}
    gone = [upload for upload in before if upload.id not in standing]
    return Expiry(len(recovered), expired, gone)


def end_upload(store: Store, upload_id: UUID) -> Expiry:
    """Remove an upload whatever its time; who sends to it is made to yield.

    Raises UploadUnknown, also for one that is committed: its receipt stays. UploadLocked while its
    commit is under way.
    """
    found = [each for each in store.survey_staging().uploads if each.id == upload_id]
    if not found:
        raise UploadUnknown(f"no upload {upload_id} is in progress here")
    with store.open_upload(upload_id) as upload:
        if upload.receipt is not None:
            raise UploadUnknown(f"the upload {upload_id} was committed just now")
        upload.delete()
    return Expiry(expired=1, uploads=found)


def _plan(survey: StagingSurvey) -> Expiry:
    now = time.time_ns()
    overdue = [upload for upload in survey.uploads if upload.is_overdue(now)]
    waiting = sum(upload.commits_itself for upload in survey.uploads)
    return Expiry(recovered=waiting, expired=len(overdue), uploads=overdue)
