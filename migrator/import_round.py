"""One pass of the importer's rule over records whose locks are held."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, errors

from contentserver.store.errors import KeyMissing, StoreError
from contentserver.store.results import Receipt
from contentserver.store.store import Store
from migrator.facts import source_text
from migrator.import_audit import ImportAudit, wait
from migrator.import_job import Job
from migrator.import_staging import Staging
from migrator.legacy.changes import ChangeLog
from migrator.legacy.description import Description, RecordId
from migrator.legacy.reader import LegacyReader
from migrator.legacy.shape import Shape
from migrator.outcomes import FOR_ALL, Outcome


@dataclass
class ImportRound:
    """Used once. Its steps follow one another as in `run`, each for all records."""

    store: Store
    audit: ImportAudit
    description: Description
    staging: Staging
    _jobs: dict[RecordId, Job] = field(default_factory=dict)

    def run(
        self,
        connection: Connection[Any],
        shape: Shape,
        keys: Mapping[RecordId, str],
        *,
        only_missing: bool,
    ) -> dict[RecordId, Outcome]:
        """An outcome for each; `busy` with LatestChanged for whoever has to begin again."""
        outcomes = self._note_disk(keys, only_missing=only_missing)
        changes = ChangeLog(connection, self.description.name)
        events = _note_events(changes, self._jobs)
        try:
            self.staging.stage(LegacyReader(connection, self.description, shape=shape), self._jobs)
            failure = self._commit()
        finally:
            for job in self._jobs.values():
                if job.draft is not None:
                    job.draft.abort()
        outcomes |= {one: job.outcome for one, job in self._jobs.items() if job.outcome is not None}
        changes.remove([n for one, ids in events.items() if outcomes[one].settled for n in ids])
        if failure is not None:
            raise failure
        return outcomes

    def _note_disk(
        self, keys: Mapping[RecordId, str], *, only_missing: bool
    ) -> dict[RecordId, Outcome]:
        """Make a job of each record that is to be read; the outcomes of the others."""
        outcomes = {}
        for one, key in keys.items():
            try:
                standing = self.store.imports.note(self.description.collection, key)
            except KeyMissing as error:
                outcomes[one] = Outcome(one, key, "failed", error=error)
                continue
            if only_missing and standing.version is not None:
                outcomes[one] = Outcome(one, key, "stands", standing.version)
            else:
                self._jobs[one] = Job(one, key, standing)
        return outcomes

    def _commit(self) -> StoreError | None:
        """All with as few flushes as there can be; an error that would meet every record."""
        staged = [job for job in self._jobs.values() if job.draft is not None]
        gone = [job for job in self._jobs.values() if job.is_absent and self._is_to_be_deleted(job)]
        requests = [self.audit.begin(job.key, deleting=False) for job in staged]
        requests += [self.audit.begin(job.key, deleting=True) for job in gone]
        wait(requests)
        results = self.store.imports.commit([job.draft for job in staged if job.draft is not None])
        results += [self._delete(job) for job in gone]
        settled = [job.settle(one) for job, one in zip(staged + gone, results, strict=True)]
        wait([self.audit.end(*pair) for pair in zip(requests, settled, strict=True)])
        return next((error for error in results if isinstance(error, FOR_ALL)), None)

    def _is_to_be_deleted(self, job: Job) -> bool:
        due = job.find_absent()
        if not due and job.standing.deleted:
            # Whoever put the marker may have died before its flush; the events are about to go.
            self.store.imports.confirm(job.standing)
        return due

    def _delete(self, job: Job) -> Receipt | StoreError:
        try:
            return self.store.imports.mark_deleted(
                self.description.collection,
                job.key,
                job.standing,
                source=source_text(self.description.name, job.record_id),
            )
        except StoreError as error:
            return error


def _note_events(changes: ChangeLog, ids: Iterable[RecordId]) -> dict[RecordId, list[int]]:
    """None where no change log is: then nothing can be pending, nor be removed."""
    try:
        return changes.note_many(ids)
    except errors.UndefinedTable:
        return {}
