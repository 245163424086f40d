"""Reads one record and its content within the transaction of its user."""

from collections.abc import Iterator
from typing import Any

import psycopg

from migrator.legacy.codecs import ChunksDecoder
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import ObjectMissing
from migrator.legacy.records import LegacyRecord
from migrator.legacy.rows import Row, row_of
from migrator.legacy.shape import Shape
from migrator.legacy.statements import statements_of
from migrator.legacy.stored import Piece, stored_pieces
from migrator.legacy.verifying import verified


class Reading:
    """The user sees to it that all is read from one snapshot."""

    def __init__(
        self, connection: psycopg.Connection[Any], description: Description, shape: Shape
    ) -> None:
        self._connection = connection
        self._description = description
        self.statements = statements_of(description, shape)

    def row(self, record_id: RecordId) -> Row | None:
        """What the record says; None without a record whose key reads exactly so."""
        arrays = [[value] for value in record_id]
        try:
            with self._connection.cursor(binary=True) as cursor:
                values = cursor.execute(self.statements.records, arrays).fetchone()
        except psycopg.DataError:
            return None
        row = None if values is None else row_of(self._description, values)
        return row if row is not None and row.id == record_id else None

    def content(self, row: Row, record: LegacyRecord) -> Iterator[bytes]:
        """The plaintext in pieces of at most 1 MiB. Raises LegacyError, the iterator too."""
        if row.object is not None and row.stored is None:
            raise ObjectMissing(f"large object {row.object} is not there")
        pieces = stored_pieces(self._connection, self._description, self.statements, row)
        empty_allowed = self._description.empty_allowed
        return verified(self._decoded(pieces), record, empty_allowed=empty_allowed)

    def _decoded(self, pieces: Iterator[Piece]) -> Iterator[bytes]:
        content = self._description.content
        scope = content.scope if content.kind == "chunks" else "stream"
        decoder = ChunksDecoder(content.codec, scope, self._description.max_size)
        for data, is_end in pieces:
            yield from decoder.feed(data)
            if is_end:
                yield from decoder.end_chunk()
        yield from decoder.end()
