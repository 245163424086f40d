"""One pass of the importer's rule over records whose locks are held."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, errors

from contentserver.store.errors import Corrupt, Erased, KeyMissing, LatestChanged, StoreError
from contentserver.store.import_draft import ImportDraft, Standing
from contentserver.store.results import Receipt
from contentserver.store.store import Store
from migrator.facts import SubjectOf, metadata_of, source_text
from migrator.import_audit import ImportAudit, wait
from migrator.legacy.changes import ChangeLog
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import LegacyError
from migrator.legacy.reader import LegacyReader
from migrator.legacy.records import LegacyRecord, ReadAlone
from migrator.legacy.shape import Shape
from migrator.outcomes import FOR_ALL, Outcome, What
from skold.journal import Ticket


@dataclass(slots=True)
class _Job:
    """A record, what stood on disk before legacy was read, and what is to be done about it."""

    record_id: RecordId
    key: str
    standing: Standing
    draft: ImportDraft | None = None
    size: int = 0
    request: Ticket | None = None
    outcome: Outcome | None = None


@dataclass
class ImportRound:
    """Used once. Its steps follow one another as in `run`, each for all records."""

    store: Store
    audit: ImportAudit
    description: Description
    subject_of: SubjectOf
    actor: str
    _jobs: dict[RecordId, _Job] = field(default_factory=dict)

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
            self._stage(LegacyReader(connection, self.description, shape=shape))
            failure = self._commit()
        finally:
            for job in self._jobs.values():
                if job.draft is not None:
                    job.draft.abort()
        outcomes |= {one: self._outcome(job) for one, job in self._jobs.items()}
        changes.remove([n for one, ids in events.items() if outcomes[one].settled for n in ids])
        if failure is not None:
            raise failure
        return outcomes

    # -- what stands -------------------------------------------------------------------------------

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
                self._jobs[one] = _Job(one, key, standing)
        return outcomes

    # -- what legacy has ---------------------------------------------------------------------------

    def _stage(self, reader: LegacyReader) -> None:
        alone = []
        for one, record, content in reader.read_many(list(self._jobs)):
            job = self._jobs[one]
            if isinstance(content, ReadAlone):
                alone.append(job)
            elif isinstance(content, LegacyError):
                job.outcome = Outcome(one, job.key, "failed", error=content)
            elif record is not None and content is not None:
                self._draft(job, record, [content])
        for job in alone:
            self._stage_alone(reader, job)

    def _stage_alone(self, reader: LegacyReader, job: _Job) -> None:
        try:
            with reader.read(job.record_id) as found:
                if found is not None:
                    self._draft(job, *found)
        except LegacyError as error:
            job.outcome = Outcome(job.record_id, job.key, "failed", error=error)

    def _draft(self, job: _Job, record: LegacyRecord, pieces: Iterable[bytes]) -> None:
        try:
            metadata = metadata_of(self.description, record, self.subject_of, self.actor)
            job.draft = self.store.imports.begin(metadata, job.standing)
            for piece in pieces:
                job.draft.write(piece)
                job.size += len(piece)
        except FOR_ALL:
            raise
        except (LegacyError, StoreError) as error:
            if job.draft is not None:
                job.draft.abort()
                job.draft = None
            job.outcome = _refused(job, error)

    # -- what becomes of it ------------------------------------------------------------------------

    def _commit(self) -> StoreError | None:
        """All with as few flushes as there can be; an error that would meet every record."""
        staged = [job for job in self._jobs.values() if job.draft is not None]
        gone = [job for job in self._jobs.values() if self._is_to_be_deleted(job)]
        for job in staged + gone:
            job.request = self.audit.begin(job.key, deleting=job.draft is None)
        wait(job.request for job in staged + gone if job.request is not None)
        results = self.store.imports.commit([job.draft for job in staged if job.draft is not None])
        results += [self._delete(job) for job in gone]
        for job, result in zip(staged + gone, results, strict=True):
            job.outcome = _committed(job, result)
        wait(
            self.audit.end(job.request, self._outcome(job)) for job in staged + gone if job.request
        )
        return next((error for error in results if isinstance(error, FOR_ALL)), None)

    def _is_to_be_deleted(self, job: _Job) -> bool:
        """Legacy has the record no more, and a version stands that is no delete marker."""
        if job.outcome is not None or job.draft is not None:
            return False
        if job.standing.version is None or job.standing.deleted:
            return False
        if job.standing.erased:
            job.outcome = Outcome(job.record_id, job.key, "erased", job.standing.version)
        elif job.standing.unreadable:
            damage = Corrupt("the version that is to be deleted does not open; restore it first")
            job.outcome = Outcome(job.record_id, job.key, "failed", error=damage)
        return job.outcome is None

    def _delete(self, job: _Job) -> Receipt | StoreError:
        try:
            return self.store.imports.mark_deleted(
                self.description.collection,
                job.key,
                job.standing,
                source=source_text(self.description.name, job.record_id),
            )
        except StoreError as error:
            return error

    def _outcome(self, job: _Job) -> Outcome:
        return job.outcome or Outcome(job.record_id, job.key, "absent", job.standing.version)


def _note_events(changes: ChangeLog, ids: Iterable[RecordId]) -> dict[RecordId, list[int]]:
    """None where no change log is: then nothing can be pending, nor be removed."""
    try:
        return changes.note_many(ids)
    except errors.UndefinedTable:
        return {}


def _committed(job: _Job, result: Receipt | StoreError) -> Outcome:
    if isinstance(result, StoreError):
        return _refused(job, result)
    if job.draft is None:
        return Outcome(job.record_id, job.key, "deleted", result.version)
    what: What = "imported" if result.created else "same"
    return Outcome(job.record_id, job.key, what, result.version, result.size)


def _refused(job: _Job, error: LegacyError | StoreError) -> Outcome:
    if isinstance(error, Erased):
        return Outcome(job.record_id, job.key, "erased", job.standing.version)
    what: What = "busy" if isinstance(error, LatestChanged) else "failed"
    return Outcome(job.record_id, job.key, what, error=error)
