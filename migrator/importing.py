"""The importer's rule, for everybody who brings a legacy record to the disk.

    the record's lock -> the disk's latest and the record's pending events are noted -> legacy is
    read -> staged -> the audit's `req` -> committed, if the latest is still what was noted -> the
    audit's `done` -> exactly the noted events are removed

The state that is imported is read after the events were noted, so it has all that they tell of.
Whoever imports a newer state waits for the lock; should it be stopped between any two steps, or
killed, the events are still there and the next importer reads again. Events of a record that
failed, was busy or only `stands` stay pending: the disk does not have what they tell of, and in
hybrid mode such a file is answered from legacy.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from contentserver.store.errors import LatestChanged
from contentserver.store.store import Store
from migrator.facts import SubjectOf
from migrator.import_audit import ImportAudit
from migrator.import_round import ImportRound
from migrator.import_staging import Staging
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import BadKey
from migrator.legacy.keys import key_of
from migrator.legacy.snapshots import require_idle
from migrator.outcomes import Outcome
from migrator.shapes import Shapes
from skold.journal import Journal

__all__ = ["Importer", "Outcome"]

TRIES = 5
"""So often a record is begun again because its latest version had changed meanwhile."""


class Importer:
    """Imports records of one source. Threads may share it, each with a connection of its own."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        description: Description,
        actor: str = "migrator",
        *,
        subject_of: SubjectOf,
        patience: float = 5.0,
    ) -> None:
        """`subject_of`: the erasure rule of the collection, as `Rules.subject_of`. `patience` with
        those who import the same records, in seconds.
        """
        self._store = store
        self._description = description
        self._patience = patience
        self._staging = Staging(store, description, subject_of, actor)
        self._audit = ImportAudit(store, journal, description, actor)
        self._shapes = Shapes(description)

    def bring(
        self, connection: Connection[Any], ids: Sequence[RecordId], *, only_missing: bool
    ) -> list[Outcome]:
        """Bring each record to the disk as legacy has it now: one outcome each, in their order.

        With `only_missing` nothing is written where any version stands, a delete marker being one.
        What has a settled outcome is durable on disk and in the audit. What is wrong with one
        record is in its outcome; what would meet all is raised: psycopg.Error, JournalUnavailable,
        NoSpace, RootMissing, Unavailable. Some records may then be imported; all can be tried
        again. ValueError unless `connection` is in autocommit and outside of a transaction.
        """
        require_idle(connection)  # an open one would show legacy as it was at its beginning
        keys, outcomes = self._keys(ids)
        names = {one: self._name(key) for one, key in keys.items()}
        with self._store.imports.hold_many(names.values(), self._patience) as held:
            mine = {one: key for one, key in keys.items() if names[one] in held}
            outcomes |= self._bring_held(connection, mine, only_missing=only_missing)
        return [outcomes.get(one) or Outcome(one, keys[one], "busy") for one in ids]

    def _keys(self, ids: Sequence[RecordId]) -> tuple[dict[RecordId, str], dict[RecordId, Outcome]]:
        keys: dict[RecordId, str] = {}
        refused: dict[RecordId, Outcome] = {}
        for one in ids:
            try:
                keys[one] = key_of(self._description, one)
            except BadKey as error:
                refused[one] = Outcome(one, None, "failed", error=error)
        return keys, refused

    def _name(self, key: str) -> tuple[str, str, str]:
        return self._description.collection, key, self._description.name

    def _bring_held(
        self, connection: Connection[Any], keys: dict[RecordId, str], *, only_missing: bool
    ) -> dict[RecordId, Outcome]:
        outcomes: dict[RecordId, Outcome] = {}
        for _ in range(TRIES):
            if not keys:
                break
            with self._shapes.of(connection) as shape:
                round_ = ImportRound(self._store, self._audit, self._description, self._staging)
                outcomes |= round_.run(connection, shape, keys, only_missing=only_missing)
            keys = {one: key for one, key in keys.items() if _is_outrun(outcomes[one])}
        return outcomes


def _is_outrun(outcome: Outcome) -> bool:
    return outcome.what == "busy" and isinstance(outcome.error, LatestChanged)
