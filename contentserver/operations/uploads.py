"""Uploads in progress for those who look after the server: as metrics, and as rows.

A loop of the bridge, which holds the keys that staging is encrypted under; the control plane does
not need them.
"""

import datetime as dt
import time
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from contentserver.catalog.staged import UploadInProgress
from contentserver.store.results import StagedUpload, StagingSurvey
from contentserver.store.store import Store

LOOP = "uploads"
INTERVAL = 15.0
"""Seconds between two looks at the disk."""

LISTED = 1000
"""Rows of a node at most, the oldest first; the metrics count all."""


class UploadsLoop:
    """Each step looks at the disk, then writes rows; `facts` are of the disk alone, so the metrics
    go on without PostgreSQL.
    """

    def __init__(self, store: Store, node: str) -> None:
        self._store = store
        self._node = node
        self._survey = StagingSurvey()

    def __call__(self) -> bool:
        """There is never more right now. Raises django.db.Error."""
        self._survey = self._store.survey_staging()
        record_uploads(self._node, self._survey.uploads[:LISTED])
        return False

    def facts(self) -> Mapping[str, Any]:
        figures = figures_of(self._survey, time.time_ns())
        return {"gauges": [[name, text, [], [[[], value]]] for name, text, value in figures]}


def record_uploads(node: str, uploads: Iterable[StagedUpload]) -> None:
    """The rows of this node are these uploads, and no others. Raises django.db.Error."""
    rows = [_row(node, upload) for upload in uploads]
    with transaction.atomic():
        mine = UploadInProgress.objects.filter(node=node)
        mine.exclude(pk__in=[row.pk for row in rows]).delete()
        UploadInProgress.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=list(UploadInProgress.FACTS),
        )


def figures_of(survey: StagingSurvey, now_ns: int) -> Iterable[tuple[str, str, float]]:
    """Name, help and value of each metric."""
    uploads = survey.uploads
    begun = min((upload.created_at_ns for upload in uploads), default=now_ns)
    overdue = sum(upload.is_overdue(now_ns) for upload in uploads)
    waiting = sum(upload.commits_itself for upload in uploads)
    refused = sum(upload.refused for upload in uploads)
    return (
        ("contentserver_uploads_in_progress", "Uploads that are not committed.", len(uploads)),
        (
            "contentserver_uploads_held_bytes",
            "Bytes of the disk that uploads hold: parts, and room for what was announced.",
            survey.held,
        ),
        (
            "contentserver_uploads_oldest_age_seconds",
            "Since the oldest upload in progress was begun.",
            max(0.0, (now_ns - begun) / 1e9),
        ),
        ("contentserver_uploads_overdue", "Uploads past their time, not yet removed.", overdue),
        (
            "contentserver_uploads_waiting",
            "Complete uploads that were to commit themselves and have not.",
            waiting,
        ),
        ("contentserver_uploads_refused", "Uploads that a check did not let in.", refused),
        (
            "contentserver_uploads_receipts",
            "Committed uploads whose receipt is kept until they expire.",
            survey.receipts,
        ),
        (
            "contentserver_uploads_unreadable",
            "Uploads whose info does not open: damaged, or a key is missing.",
            survey.unreadable,
        ),
    )


def _row(node: str, upload: StagedUpload) -> UploadInProgress:
    return UploadInProgress(
        id=upload.id,
        node=node,
        root=upload.root,
        client=upload.client,
        collection=upload.collection,
        length=upload.length,
        offset=upload.offset,
        held=upload.held,
        commit_auto=upload.commit_auto,
        refused=upload.refused,
        created_at=_time(upload.created_at_ns),
        expires_at=_time(upload.expires_at_ns),
        seen_at=timezone.now(),
    )


def _time(at_ns: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at_ns / 1e9, dt.UTC)
