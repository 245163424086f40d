"""One record on its way through an importer's round, and what its end means."""

from dataclasses import dataclass

from contentserver.store.errors import Corrupt, Erased, LatestChanged, StoreError
from contentserver.store.import_draft import ImportDraft, Standing
from contentserver.store.results import Receipt
from migrator.legacy.description import RecordId
from migrator.legacy.errors import LegacyError
from migrator.outcomes import Outcome, What


@dataclass(slots=True)
class Job:
    """A record, what stood on disk before legacy was read, and what is to be done about it.

    After the reading: with a draft, that is to be committed; with an outcome, all is said; with
    neither, legacy has no such record.
    """

    record_id: RecordId
    key: str
    standing: Standing
    draft: ImportDraft | None = None
    outcome: Outcome | None = None

    @property
    def is_absent(self) -> bool:
        """Whether legacy has no such record."""
        return self.outcome is None and self.draft is None

    def give_up(self, error: LegacyError | StoreError) -> None:
        """What is wrong with this record alone."""
        if self.draft is not None:
            self.draft.abort()
            self.draft = None
        self.outcome = self._refused(error)

    def find_absent(self) -> bool:
        """Whether a delete marker is due. All else that an absence means is said by the outcome."""
        standing = self.standing
        if standing.version is None or standing.deleted:
            self.outcome = self._end("absent")
        elif standing.erased:
            self.outcome = self._end("erased")
        elif standing.unreadable:
            self.give_up(Corrupt("the version to be deleted does not open; restore it first"))
        return self.outcome is None

    def settle(self, result: Receipt | StoreError) -> Outcome:
        """The store has answered."""
        if isinstance(result, StoreError):
            self.outcome = self._refused(result)
        else:
            what: What = "imported" if result.created else "same"
            what = what if self.draft is not None else "deleted"
            self.outcome = Outcome(self.record_id, self.key, what, result.version, result.size)
        return self.outcome

    def _refused(self, error: LegacyError | StoreError) -> Outcome:
        if isinstance(error, Erased):
            return self._end("erased")
        what: What = "busy" if isinstance(error, LatestChanged) else "failed"
        return Outcome(self.record_id, self.key, what, error=error)

    def _end(self, what: What) -> Outcome:
        return Outcome(self.record_id, self.key, what, self.standing.version)
