"""One record's current latest into legacy, under the record's lock.

Not the version that an outbox entry names, but what is the latest now: entries may come late, twice
and out of order, and legacy never goes back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from contentserver.store.errors import Corrupt, UploadLocked
from contentserver.store.import_draft import Standing
from contentserver.store.results import VersionInfo
from contentserver.store.store import Store
from contentserver.store.stored_file import StoredFile
from migrator.legacy.changes import ChangeLog
from migrator.legacy.description import Description, RecordId
from migrator.legacy.facts import VersionFacts
from migrator.legacy.writer import ForeignChange, LegacyWriter
from migrator.log_presence import log_is_there
from migrator.writeback.audit import Carried, WriteBackAudit

PATIENCE = 2.0
"""Seconds for whoever else is at the record; it is tried again later."""


@dataclass(frozen=True, slots=True)
class Target:
    """A legacy record and the key of its file."""

    record: RecordId
    key: str


class Carrier:
    """Writes one source. `connection` in autocommit, with the right to write."""

    def __init__(
        self,
        store: Store,
        audit: WriteBackAudit,
        connection: psycopg.Connection[Any],
        description: Description,
    ) -> None:
        self._store = store
        self._audit = audit
        self._description = description
        self._writer = LegacyWriter(connection, description)
        has_log = log_is_there(connection, description.name)
        self._changes = ChangeLog(connection, description.name) if has_log else None

    def carry(self, target: Target, *, over: list[int] | None = None) -> Carried:
        """Bring legacy to the latest, durably, or say why not. Nothing is ever written over a
        change of others: without `over` it is `foreign`, as is one that is not among the events
        `over`, which a person has decided about.

        Raises psycopg.Error, LegacyError, StoreError, JournalUnavailable.
        """
        collection, name = self._description.collection, self._description.name
        try:
            with self._store.imports.hold(collection, target.key, name, patience=PATIENCE):
                return self._carry_held(target, over)
        except UploadLocked:
            return "busy"

    def _carry_held(self, target: Target, over: list[int] | None) -> Carried:
        standing = self._store.imports.note(self._description.collection, target.key)
        if standing.erased:
            return "erased"
        info = _readable(standing)
        if over is None and (info is None or info.imported):
            return "theirs"
        if over and self._changes is not None:
            # Should this process die now, the decision stands until the write has happened.
            self._changes.remove(over)
        request = self._audit.begin(target.key)
        carried: Carried = "failed"
        try:
            carried = self._write(target, info)
        finally:
            self._audit.end(request, carried, info.size if info else 0)
        return carried

    def _write(self, target: Target, info: VersionInfo | None) -> Carried:
        guarded = self._changes is not None
        try:
            if info is None or info.deleted:
                self._writer.delete(target.record, unless_pending=guarded)
            else:
                with self._store.open_latest(
                    self._description.collection, target.key, version=info.version
                ) as stored:
                    facts = _facts(info)
                    self._writer.put(target.record, facts, _pieces(stored), unless_pending=guarded)
        except ForeignChange:
            return "foreign"
        return "written"


def _readable(standing: Standing) -> VersionInfo | None:
    """The latest; None where there is none. Raises Corrupt for one that does not open."""
    if standing.unreadable:
        raise Corrupt("the latest version does not open; restore it first")
    return standing.info


def _facts(info: VersionInfo) -> VersionFacts:
    metadata = info.metadata
    return VersionFacts(
        size=info.size,
        sha256=info.sha256,
        changed_at_ns=info.modified_ns,
        filename=metadata.filename,
        media_type=metadata.media_type,
        owner=metadata.on_behalf_of,
        data_subject=metadata.data_subject,
    )


def _pieces(stored: StoredFile) -> Iterator[bytes]:
    for start, length in stored.chunks(0, stored.size):
        yield from stored.pieces(start, length)
