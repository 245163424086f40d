"""Reads legacy records and stages them: encrypted bodies that no reader can see yet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contentserver.store.errors import StoreError
from contentserver.store.store import Store
from migrator.facts import SubjectOf, metadata_of
from migrator.import_job import Job
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import LegacyError
from migrator.legacy.reader import LegacyReader
from migrator.legacy.records import LegacyRecord, ReadAlone
from migrator.outcomes import FOR_ALL


@dataclass(frozen=True, slots=True)
class Staging:
    """For one source. Raises psycopg.Error and FOR_ALL; the drafts made so far are in the jobs."""

    store: Store
    description: Description
    subject_of: SubjectOf
    actor: str

    def stage(self, reader: LegacyReader, jobs: Mapping[RecordId, Job]) -> None:
        """A draft, or an outcome, for each record that legacy has; from one snapshot but for files
        that are read alone, each from its own.
        """
        alone = []
        for one, record, content in reader.read_many(jobs):
            if isinstance(content, ReadAlone):
                alone.append(one)
            elif isinstance(content, LegacyError):
                jobs[one].give_up(content)
            elif record is not None and content is not None:
                self._draft(jobs[one], record, [content])
        for one in alone:
            self._stage_alone(reader, jobs[one])

    def _stage_alone(self, reader: LegacyReader, job: Job) -> None:
        try:
            with reader.read(job.record_id) as found:
                if found is not None:
                    self._draft(job, *found)
        except LegacyError as error:
            job.give_up(error)

    def _draft(self, job: Job, record: LegacyRecord, pieces: Iterable[bytes]) -> None:
        try:
            metadata = metadata_of(self.description, record, self.subject_of, self.actor)
            job.draft = self.store.imports.begin(metadata, job.standing)
            for piece in pieces:
                job.draft.write(piece)
        except FOR_ALL:
            raise
        except (LegacyError, StoreError) as error:
            job.give_up(error)
