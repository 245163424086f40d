"""Writes content as legacy keeps it: chunk rows, a bytea value or a large object."""

from collections.abc import Iterable
from typing import Any

import psycopg

from migrator.legacy.description import Description, RecordId
from migrator.legacy.encoding import encode
from migrator.legacy.errors import TooLarge
from migrator.legacy.identifiers import quote, quote_table

_BATCH = 4 << 20  # stored bytes sent at once
_OBJECT_PIECE = 1 << 20
_LARGEST_VALUE = (1 << 30) - (1 << 16)  # PostgreSQL's limit for one value is 1 GB


class ContentWriter:
    """Within the transaction of its user."""

    def __init__(self, connection: psycopg.Connection[Any], description: Description) -> None:
        self._connection = connection
        self._description = description
        self._content = description.content

    def put_chunks(self, record_id: RecordId, data: Iterable[bytes]) -> None:
        """Replace the record's chunks."""
        self._remove_chunks(record_id)
        content = self._content
        columns = (*content.record_columns, content.order or "", content.data)
        marks = ", ".join(["%s"] * (len(columns) - 1) + ["%b"])
        statement = (
            f"INSERT INTO {quote_table(content.table or '')} "
            f"({', '.join(map(quote, columns))}) VALUES ({marks})"
        )
        rows: list[tuple[object, ...]] = []
        size = 0
        chunks = encode(content.codec, content.scope, data, content.chunk_size)
        for number, chunk in enumerate(chunks, content.first):
            rows.append((*record_id, number, chunk))
            size += len(chunk)
            if size >= _BATCH:
                self._send(statement, rows)
                rows, size = [], 0
        self._send(statement, rows)

    def put_value(self, data: Iterable[bytes]) -> tuple[str, tuple[str, object]]:
        """The data column, with what it is to hold: the bytes, or a new large object."""
        if self._content.kind == "bytea":
            return self._content.data, ("%b", self._value(data))
        return self._content.data, ("%s", self._object(data))

    def old_object(self, record_id: RecordId) -> int | None:
        """The large object that the record names now."""
        if self._content.kind != "large_object":
            return None
        records = self._description.records
        where = " AND ".join(f"{quote(name)} = %s" for name in records.key_columns)
        row = self._connection.execute(
            f"SELECT {quote(self._content.data)} FROM {quote_table(records.table)} WHERE {where}",
            record_id,
        ).fetchone()
        return None if row is None else row[0]

    def remove(self, record_id: RecordId) -> int | None:
        """Remove what must go before the record; the object that must go after it."""
        if self._content.kind == "chunks":
            self._remove_chunks(record_id)
        return self.old_object(record_id)

    def unlink(self, large_object: int | None) -> None:
        """Remove a large object, unless a trigger of legacy's own has done so."""
        if large_object is not None:
            self._connection.execute(
                "SELECT lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = %s",
                (large_object,),
            )

    def _remove_chunks(self, record_id: RecordId) -> None:
        where = " AND ".join(f"{quote(name)} = %s" for name in self._content.record_columns)
        table = quote_table(self._content.table or "")
        self._connection.execute(f"DELETE FROM {table} WHERE {where}", record_id)

    def _send(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        if rows:
            with self._connection.cursor() as cursor:
                cursor.executemany(statement, rows)

    def _value(self, data: Iterable[bytes]) -> bytes:
        value = bytearray()
        for piece in encode(self._content.codec, "stream", data, _OBJECT_PIECE):
            value += piece
            if len(value) > _LARGEST_VALUE:
                raise TooLarge("a column of PostgreSQL holds at most 1 GB")
        return bytes(value)

    def _object(self, data: Iterable[bytes]) -> int:
        row = self._connection.execute("SELECT lo_from_bytea(0, ''::bytea)").fetchone()
        assert row is not None
        offset = 0
        for piece in encode(self._content.codec, "stream", data, _OBJECT_PIECE):
            self._connection.execute("SELECT lo_put(%s, %s, %b)", (row[0], offset, piece))
            offset += len(piece)
        return int(row[0])
