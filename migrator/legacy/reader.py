"""Reads legacy records and their content, each file in one snapshot, wholly or with an error.

A file that is incomplete, torn or not what its record declares is a LegacyError with a name, never
an empty or partial file.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from migrator.legacy.batches import Found, Many
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import LegacyError, TooLarge
from migrator.legacy.reading import Reading
from migrator.legacy.records import LegacyRecord
from migrator.legacy.rows import Row, record_from
from migrator.legacy.shape import Shape, load_shape
from migrator.legacy.snapshots import one_snapshot, require_idle

_COUNTED = 10_000
"""Up to so many records `estimate` counts."""


class LegacyReader:
    """Reads one source. `connection` in autocommit (`migrator.legacy.snapshots.connect`); nobody
    else may use it while an iterator or block of this reader is open.

    `shape` spares the look into the catalog where it was taken before. Every method may raise
    psycopg.Error. The constructor raises SourceUnfit where a table or column is not there.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        description: Description,
        *,
        shape: Shape | None = None,
    ) -> None:
        require_idle(connection)
        self.connection = connection
        self.description = description
        self.shape = shape or load_shape(connection, description)
        self._reading = Reading(connection, description, self.shape)
        self._sql = self._reading.statements

    def find(self, record_id: RecordId) -> LegacyRecord | None:
        """The record; None where there is none whose key reads exactly so. Raises LegacyError."""
        with one_snapshot(self.connection):
            row = self._reading.row(record_id)
        return None if row is None else record_from(self.description, row.id, row.facts)

    def find_many(self, ids: Iterable[RecordId]) -> dict[RecordId, LegacyRecord | LegacyError]:
        """What is found of these in one snapshot; a LegacyError where a record is broken."""
        wanted = list(dict.fromkeys(ids))
        many = Many(self.connection, self.description, self._sql)
        with one_snapshot(self.connection):
            rows = self._rows(many, wanted)
        if rows is None:
            fit = [record_id for record_id in wanted if self.normalise(record_id) is not None]
            with one_snapshot(self.connection):
                rows = many.rows(fit)
        return {record_id: self._fact(row) for record_id, row in rows.items()}

    @contextmanager
    def read(self, record_id: RecordId) -> Iterator[tuple[LegacyRecord, Iterator[bytes]] | None]:
        """The record and its plaintext in pieces of at most 1 MiB, for files of any size. None
        without a record. Entering raises LegacyError for the record, the iterator for the content.
        """
        with one_snapshot(self.connection):
            row = self._reading.row(record_id)
            if row is None:
                yield None
                return
            record = record_from(self.description, row.id, row.facts)
            if record.length is not None and record.length > self.description.max_size:
                raise TooLarge(f"{record.length} bytes are declared")
            yield record, self._reading.content(row, record)

    def read_many(
        self, ids: Iterable[RecordId]
    ) -> Iterator[tuple[RecordId, LegacyRecord | None, Found]]:
        """Each id once, in the order given, with its record and whole plaintext.

        `(id, None, None)` where there is no record; a LegacyError instead of the plaintext where
        the record (then None) or its content is broken; ReadAlone for a file of more than 8 MiB,
        which `read` gives. All from one snapshot, in two statements for each 8 MiB.
        """
        wanted = list(dict.fromkeys(ids))
        many = Many(self.connection, self.description, self._sql)
        with one_snapshot(self.connection):
            rows = self._rows(many, wanted)
            if rows is not None:
                yield from many.read(wanted, rows)
                return
        fit = [record_id for record_id in wanted if self.normalise(record_id) is not None]
        with one_snapshot(self.connection):
            yield from many.read(wanted, many.rows(fit))

    def ids_after(self, after: RecordId | None, limit: int) -> list[RecordId]:
        """The next ids in the order of the unique index, from the index alone; all where `after`
        is None, none at the end.
        """
        if after is None:
            rows = self.connection.execute(self._sql.ids_first, (limit,))
        else:
            rows = self.connection.execute(self._sql.ids_after, (*self._in_order(after), limit))
        return [tuple(row) for row in rows]

    def estimate(self) -> int:
        """About how many records there are, without reading them; exact up to ten thousand."""
        row = self.connection.execute(self._sql.count, (_COUNTED + 1,)).fetchone()
        if row is not None and row[0] <= _COUNTED:
            return int(row[0])
        row = self.connection.execute(self._sql.explain).fetchone()
        assert row is not None
        plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
        return max(int(plan[0]["Plan"]["Plan Rows"]), _COUNTED)

    def normalise(self, record_id: RecordId) -> RecordId | None:
        """The id as PostgreSQL writes these values (`007` -> `7`); None for no values of the key
        columns' types. Says nothing of whether the record is there.
        """
        try:
            row = self.connection.execute(self._sql.normal, record_id).fetchone()
        except psycopg.DataError:
            return None
        return None if row is None else tuple(row)

    def _rows(self, many: Many, wanted: Sequence[RecordId]) -> dict[RecordId, Row] | None:
        """None where an id is no value of its column's type."""
        try:
            return many.rows(wanted)
        except psycopg.DataError:
            return None

    def _fact(self, row: Row) -> LegacyRecord | LegacyError:
        try:
            return record_from(self.description, row.id, row.facts)
        except LegacyError as error:
            return error

    def _in_order(self, record_id: RecordId) -> Sequence[str]:
        columns = self.description.records.key_columns
        values = dict(zip(columns, record_id, strict=True))
        return [values[name] for name in self.shape.key_order or columns]
