"""Comparing records with the disk. A file that changes meanwhile is no difference.

Both sides are read one after the other, so what differs at first is looked at again under the
record's lock: no importer is at work then, and what is still on its way is seen in the change log,
or in the outbox of write-backs.
"""

from collections.abc import Callable, Sequence

from contentserver.store.errors import UploadLocked
from contentserver.store.results import VersionInfo
from contentserver.store.store import Store
from migrator.legacy.changes import ChangeLog
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import BadKey
from migrator.legacy.keys import key_of, record_of
from migrator.legacy.reader import LegacyReader
from migrator.log_presence import log_is_there
from migrator.verify.compared import Compared, What
from migrator.verify.present import present
from migrator.verify.sides import Here, There, read_here, read_there

PATIENCE = 30.0
"""Seconds for an importer to finish with a record."""

OnItsWay = Callable[[VersionInfo], bool]
"""Whether a version may not have reached legacy yet."""


class Comparer:
    """One thread's: `reader` has a connection of its own."""

    def __init__(
        self, store: Store, reader: LegacyReader, *, on_its_way: OnItsWay, full: bool = False
    ) -> None:
        self._store = store
        self._reader = reader
        self._description: Description = reader.description
        # Where no trigger is allowed there is no log, and nothing can be known to be on its way.
        has_log = log_is_there(reader.connection, self._description.name)
        self._changes = ChangeLog(reader.connection, self._description.name) if has_log else None
        self._on_its_way = on_its_way
        self._full = full

    def records(self, ids: Sequence[RecordId]) -> list[Compared]:
        """Legacy records against the disk: one for each, in their order; none for a record that is
        there no more. Raises psycopg.Error, RootMissing, Unavailable."""
        there = {found.record: found for found in read_there(self._reader, ids)}
        compared = [self._compare(there[record_id]) for record_id in ids]
        return [found for found in compared if found is not None]

    def keys(self, keys: Sequence[str]) -> list[Compared]:
        """Stored files against legacy: those alone that legacy does not have. Keys that the
        template does not give belong to another source."""
        records = {
            record: key for key in keys if (record := record_of(self._description, key)) is not None
        }
        missing = records.keys() - present(self._reader, list(records))
        found = (self._settle(record, records[record]) for record in sorted(missing))
        return [one for one in found if one is not None and one.what != "equal"]

    def _compare(self, there: There) -> Compared | None:
        try:
            key = key_of(self._description, there.record)
        except BadKey as error:
            return Compared("unreadable", there.record, "", detail=str(error))
        found = self._judge(key, there)
        return (
            found if found is None or not found.is_difference else self._settle(found.record, key)
        )

    def _settle(self, record: RecordId, key: str) -> Compared | None:
        source = self._description
        try:
            with self._store.imports.hold(source.collection, key, source.name, patience=PATIENCE):
                # Before legacy is read: a change that comes later is seen by the reading.
                if self._changes is not None and self._changes.pending([record]):
                    return Compared("pending", record, key)
                (there,) = read_there(self._reader, [record])
                return self._judge(key, there)
        except UploadLocked:
            return Compared("pending", record, key, detail="another process is at it")

    def _judge(self, key: str, there: There) -> Compared | None:
        here = read_here(self._store, self._description.collection, key, full=self._full)
        what, detail = _verdict(there, here)
        if what is None:
            return None
        if what != "equal" and here.info is not None and self._on_its_way(here.info):
            what = "pending"
        return Compared(what, there.record, key, there.size, there.sha256, detail)


def _verdict(there: There, here: Here) -> tuple[What | None, str]:
    if here.erased:
        return "erased", ""
    if here.error or there.error:
        return "unreadable", f"here: {here.error}" if here.error else f"in legacy: {there.error}"
    if there.sha256 is None:
        return ("missing_there", f"version {here.info.version}") if here.info else (None, "")
    if here.info is None:
        return "missing_here", ""
    if here.sha256 == there.sha256:
        return "equal", ""
    return (
        "different",
        f"version {here.info.version}: {_short(here.sha256)}, not {_short(there.sha256)}",
    )


def _short(sha256: bytes | None) -> str:
    return sha256.hex()[:16] if sha256 else "?"
