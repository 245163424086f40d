"""Certificates: statements of cut-overs, signed by the bridge, in the database and as files.

The bridge alone holds the key. It signs what is not signed yet, so a cut-over made while the bridge
is down gets its certificate later.
"""

import json
from pathlib import Path
from typing import Any

from django.utils import timezone

from contentserver.conf import Config
from contentserver.operations.extensions import BridgeContext
from migrator.models import CutOver
from skold.disk import Disk
from skold.signed import publish

KIND = "certificate"
INTERVAL = 0.5
BATCH = 20


class Certificates:
    """Signs the statements of this node's cut-overs."""

    def __init__(self, context: BridgeContext) -> None:
        self._context = context
        self._folder = folder_of(context.config)

    def step(self) -> bool:
        """True if there is more. Raises django.db.Error, OSError; a repetition changes nothing."""
        waiting = CutOver.objects.filter(
            signed_at=None, statement__isnull=False, statement__node=self._context.config.node
        )
        batch = list(waiting.order_by("pk")[:BATCH])
        for cutover in batch:
            self._sign(cutover)
        return len(batch) == BATCH

    def _sign(self, cutover: CutOver) -> None:
        statement: dict[str, Any] = cutover.statement or {}
        raw = self._context.sign(KIND, cutover.pk, statement)
        Disk().make_folder(self._folder)
        # First the file: a row that says it was signed is never without one.
        publish(file_of(self._context.config, cutover), raw)
        CutOver.objects.filter(pk=cutover.pk, signed_at=None).update(
            certificate=json.loads(raw), signed_at=timezone.now()
        )


def folder_of(config: Config) -> Path:
    return config.published / "certificates"


def file_of(config: Config, cutover: CutOver) -> Path:
    return folder_of(config) / f"{cutover.source_id}-{cutover.pk}.json"
