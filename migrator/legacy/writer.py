"""Writes files back in legacy's own format, one transaction each, so that there is a way back."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from migrator.legacy.capture import MARKER
from migrator.legacy.changes import ChangeLog
from migrator.legacy.contents import ContentWriter
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import BadKey, Empty, LegacyError, TooLarge, WrongDigest, WrongLength
from migrator.legacy.facts import VersionFacts, assignments
from migrator.legacy.identifiers import quote, quote_table
from migrator.legacy.reading import Reading
from migrator.legacy.rows import Row, record_from
from migrator.legacy.shape import Shape, load_shape
from migrator.legacy.snapshots import require_idle
from migrator.legacy.verifying import Digest, new_digest


class ForeignChange(Exception):
    """Somebody else has changed the record: an event of it waits in the change log."""


class LegacyWriter:
    """Writes one source. `connection` in autocommit; the role may write both tables.

    Nothing of a call is visible, in the change log neither, unless it returns. Every method may
    raise psycopg.Error; SerializationFailure when somebody else wrote the same record meanwhile,
    to be tried again.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        description: Description,
        *,
        shape: Shape | None = None,
    ) -> None:
        require_idle(connection)
        self._connection = connection
        self._description = description
        self._shape = shape or load_shape(connection, description)
        self._reading = Reading(connection, description, self._shape)
        self._contents = ContentWriter(connection, description)
        self._table = quote_table(description.records.table)
        columns = description.records.key_columns
        self._where = " AND ".join(f"{quote(name)} = %s" for name in columns)

    def put(
        self,
        record_id: RecordId,
        facts: VersionFacts,
        content: Iterable[bytes],
        *,
        unless_pending: bool = False,
    ) -> bool:
        """Make the record say `facts` and hold `content`; False where it does already.

        `unless_pending`: raise ForeignChange instead of overwriting what the change log holds an
        event for. Raises WrongLength or WrongDigest where the content is not that of `facts`,
        TooLarge or Empty for what legacy cannot hold, BadKey.
        """
        self._check_fit(facts)
        with self._transaction(record_id, unless_pending=unless_pending):
            there = self._lock(record_id)
            if there and self._is_same(record_id, facts):
                return False
            self._write(record_id, facts, content, there=there)
        return True

    def delete(self, record_id: RecordId, *, unless_pending: bool = False) -> bool:
        """Remove record and content; False where there is none. Raises ForeignChange as `put`."""
        with self._transaction(record_id, unless_pending=unless_pending):
            if not self._lock(record_id):
                return False
            old = self._contents.remove(record_id)
            self._connection.execute(f"DELETE FROM {self._table} WHERE {self._where}", record_id)
            self._contents.unlink(old)
        return True

    @contextmanager
    def _transaction(self, record_id: RecordId, *, unless_pending: bool) -> Iterator[None]:
        source = self._description.name
        require_idle(self._connection)
        try:
            with self._connection.transaction():
                # From here on nothing that others commit is overwritten unseen.
                self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                self._connection.execute("SELECT set_config(%s, %s, true)", (MARKER, source))
                if unless_pending and ChangeLog(self._connection, source).pending([record_id]):
                    raise ForeignChange(f"{source} {', '.join(record_id)} was changed in legacy")
                yield
        except psycopg.DataError as refused:
            raise BadKey(f"{', '.join(record_id)!r}: {refused.diag.message_primary}") from None

    def _lock(self, record_id: RecordId) -> bool:
        row = self._connection.execute(
            f"SELECT 1 FROM {self._table} WHERE {self._where} FOR UPDATE", record_id
        ).fetchone()
        return row is not None

    def _check_fit(self, facts: VersionFacts) -> None:
        description = self._description
        if facts.size > description.max_size:
            raise TooLarge(f"{facts.size} bytes; max_size is {description.max_size}")
        if facts.size == 0 and not (description.empty_allowed or description.records.length):
            raise Empty("legacy has no way to say that a file is empty")

    def _is_same(self, record_id: RecordId, facts: VersionFacts) -> bool:
        row = self._reading.row(record_id)
        if row is None:
            raise BadKey(f"legacy writes the key of {', '.join(record_id)!r} in another way")
        try:
            return self._holds(row, facts)
        except LegacyError:
            return False

    def _holds(self, row: Row, facts: VersionFacts) -> bool:
        record = record_from(self._description, row.id, row.facts)
        if not facts.agree_with(self._description, record):
            return False
        digest = hashlib.sha256()
        for piece in self._reading.content(row, record):
            digest.update(piece)
        return digest.digest() == facts.sha256

    def _write(
        self, record_id: RecordId, facts: VersionFacts, content: Iterable[bytes], *, there: bool
    ) -> None:
        kind = self._description.records.digest_kind
        digest = new_digest(kind) if kind else None
        checked = _checked(content, facts, digest)
        if self._description.content.kind == "chunks":
            if not there:
                # The chunks refer to the record; its digest follows when they were written.
                empty = new_digest(kind).digest() if kind else None
                self._put_row(record_id, facts, empty, {}, there=False)
            self._contents.put_chunks(record_id, checked)
            self._put_row(record_id, facts, digest.digest() if digest else None, {}, there=True)
            return
        old = self._contents.old_object(record_id)
        data = self._contents.put_value(checked)
        self._put_row(
            record_id, facts, digest.digest() if digest else None, {data[0]: data[1]}, there=there
        )
        self._contents.unlink(old)

    def _put_row(
        self,
        record_id: RecordId,
        facts: VersionFacts,
        digest: bytes | None,
        data: dict[str, tuple[str, object]],
        *,
        there: bool,
    ) -> None:
        values = assignments(self._description, self._shape, facts, digest) | data
        if there:
            self._update(record_id, values)
        else:
            self._insert(record_id, values)

    def _update(self, record_id: RecordId, values: dict[str, tuple[str, object]]) -> None:
        if not values:
            return
        changes = ", ".join(f"{quote(name)} = {mark}" for name, (mark, _) in values.items())
        self._connection.execute(
            f"UPDATE {self._table} SET {changes} WHERE {self._where}",
            (*(value for _, value in values.values()), *record_id),
        )

    def _insert(self, record_id: RecordId, values: dict[str, tuple[str, object]]) -> None:
        keys = zip(self._description.records.key_columns, record_id, strict=True)
        constants = self._description.insert.items()
        row = {name: ("%s", value) for name, value in constants} | values
        row |= {name: ("%s", value) for name, value in keys}
        names = ", ".join(map(quote, row))
        marks = ", ".join(mark for mark, _ in row.values())
        self._connection.execute(
            f"INSERT INTO {self._table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({marks})",
            [value for _, value in row.values()],
        )


def _checked(
    content: Iterable[bytes], facts: VersionFacts, digest: Digest | None
) -> Iterator[bytes]:
    """The same pieces; what is not the version of `facts` must not be committed."""
    size, sha256 = 0, hashlib.sha256()
    for piece in content:
        size += len(piece)
        sha256.update(piece)
        if digest:
            digest.update(piece)
        yield piece
    if size != facts.size:
        raise WrongLength(f"{size} bytes came instead of {facts.size}")
    if sha256.digest() != facts.sha256:
        raise WrongDigest("what came does not have the version's sha256")
