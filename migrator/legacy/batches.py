"""Many small files in few statements: the pace of the whole migration."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from migrator.legacy.codecs import ChunksDecoder
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import LegacyError, ObjectMissing, TooLarge
from migrator.legacy.records import LegacyRecord, ReadAlone
from migrator.legacy.rows import Row, record_from, row_of
from migrator.legacy.statements import Statements
from migrator.legacy.stored import check_order
from migrator.legacy.verifying import verified

ALONE = 8 << 20
"""Bytes, stored or declared, beyond which a file is read by itself; also the stored bytes of one
statement's answer."""

_INFLATED = 32 << 20  # plaintext of one file that a batch holds
_IDS = 1000  # ids of one statement

Found = bytes | LegacyError | ReadAlone | None
Result = tuple[RecordId, LegacyRecord | None, Found]


class Many:
    """Reads within the snapshot of its user."""

    def __init__(
        self, connection: psycopg.Connection[Any], description: Description, statements: Statements
    ) -> None:
        self._connection = connection
        self._description = description
        self._sql = statements

    def rows(self, ids: Sequence[RecordId]) -> dict[RecordId, Row]:
        """What the records say, without content; only of ids that are written as PostgreSQL does.

        Raises psycopg.DataError where one is no value of its column's type.
        """
        rows: dict[RecordId, Row] = {}
        for start in range(0, len(ids), _IDS):
            part = ids[start : start + _IDS]
            with self._connection.cursor(binary=True) as cursor:
                for answer in cursor.execute(self._sql.records, _arrays(part)):
                    row = row_of(self._description, answer)
                    if part[row.place - 1] == row.id:
                        rows[row.id] = row
        return rows

    def read(self, ids: Sequence[RecordId], rows: dict[RecordId, Row]) -> Iterator[Result]:
        """One result for each id, in order."""
        for batch in _batches(ids, rows):
            yield from self._batch(batch, rows)

    def _batch(self, ids: Sequence[RecordId], rows: dict[RecordId, Row]) -> Iterator[Result]:
        facts: dict[RecordId, LegacyRecord | LegacyError] = {}
        for record_id in ids:
            if (row := rows.get(record_id)) is not None:
                facts[record_id] = self._record(row)
        small = [
            record_id
            for record_id, record in facts.items()
            if isinstance(record, LegacyRecord) and _is_small(rows[record_id], record)
        ]
        contents = self._contents(small)
        for record_id in ids:
            record = facts.get(record_id)
            if record is None or isinstance(record, LegacyError):
                yield record_id, None, record
            elif record_id in contents:
                yield record_id, record, self._plain(record, contents.pop(record_id))
            else:
                yield record_id, record, _not_read(self._description, rows[record_id], record)

    def _record(self, row: Row) -> LegacyRecord | LegacyError:
        try:
            return record_from(self._description, row.id, row.facts)
        except LegacyError as error:
            return error

    def _contents(self, ids: Sequence[RecordId]) -> dict[RecordId, list[tuple[int, bytes]]]:
        contents: dict[RecordId, list[tuple[int, bytes]]] = {record_id: [] for record_id in ids}
        if not ids:
            return contents
        with self._connection.cursor(binary=True) as cursor:
            for place, number, data in cursor.execute(self._sql.contents, _arrays(ids)):
                contents[ids[place - 1]].append((number, data))
        return contents

    def _plain(self, record: LegacyRecord, chunks: list[tuple[int, bytes]]) -> Found:
        content = self._description.content
        limit = min(self._description.max_size, _INFLATED)
        try:
            if content.kind == "chunks":
                check_order(chunks, content.first)
            decoder = ChunksDecoder(
                content.codec, content.scope if content.kind == "chunks" else "stream", limit
            )
            pieces = verified(
                _decoded(decoder, chunks),
                record,
                empty_allowed=self._description.empty_allowed,
            )
            return b"".join(pieces)
        except TooLarge as error:
            stored = sum(len(data) for _, data in chunks)
            return error if limit == self._description.max_size else ReadAlone(stored)
        except LegacyError as error:
            return error


def _decoded(decoder: ChunksDecoder, chunks: list[tuple[int, bytes]]) -> Iterator[bytes]:
    for _, data in chunks:
        if data is not None:
            yield from decoder.feed(data)
            yield from decoder.end_chunk()
    yield from decoder.end()


def _arrays(ids: Sequence[RecordId]) -> list[list[str]]:
    return [list(column) for column in zip(*ids, strict=True)]


def _batches(ids: Sequence[RecordId], rows: dict[RecordId, Row]) -> Iterator[list[RecordId]]:
    batch: list[RecordId] = []
    size = 0
    for record_id in ids:
        row = rows.get(record_id)
        stored = row.stored or 0 if row else 0
        if stored > ALONE:
            stored = 0
        if batch and size + stored > ALONE:
            yield batch
            batch, size = [], 0
        batch.append(record_id)
        size += stored
    if batch:
        yield batch


def _is_small(row: Row, record: LegacyRecord) -> bool:
    if row.object is not None and row.stored is None:
        return False
    return (row.stored or 0) <= ALONE and (record.length or 0) <= ALONE


def _not_read(description: Description, row: Row, record: LegacyRecord) -> Found:
    if row.stored is None and row.object is not None:
        return ObjectMissing(f"large object {row.object} is not there")
    if record.length is not None and record.length > description.max_size:
        return TooLarge(f"{record.length} bytes are declared")
    return ReadAlone(row.stored or 0)
