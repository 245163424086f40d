"""The test database as its migrations left it, again after each test that commits.

Django empties every table and fills in content types and permissions anew, which takes a fifth of a
second and loses the rows of migrations. Here only what a test wrote is emptied, and the rows that
migrations made come back as they were.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from psycopg import sql

# Pages of rows that were rolled back count as well; such a table is emptied once for nothing.
_WRITTEN = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND c.relname <> 'django_migrations' AND pg_relation_size(c.oid) > 0
ORDER BY 1
"""


class KeptTables:
    """Remembers the rows of a database that no test has written to."""

    def __init__(self) -> None:
        with _cursor() as cursor:
            held = {table: _rows(cursor, table) for table in _written(cursor)}
        self._rows: Mapping[str, bytes] = {table: rows for table, rows in held.items() if rows}

    def restore(self) -> None:
        """In one transaction, with no trigger and no foreign key looking."""
        with transaction.atomic(), _cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            _empty(cursor, [table for table in _written(cursor) if table not in self._rows])
            if any(_rows(cursor, table) != rows for table, rows in self._rows.items()):
                self._put_back(cursor)

    def _put_back(self, cursor: Any) -> None:
        _empty(cursor, list(self._rows))
        for table, rows in self._rows.items():
            with cursor.copy(_named("COPY {} FROM STDIN", table)) as copy:
                copy.write(rows)
        ContentType.objects.clear_cache()


def _written(cursor: Any) -> list[str]:
    cursor.execute(_WRITTEN)
    return [name for (name,) in cursor.fetchall()]


def _rows(cursor: Any, table: str) -> bytes:
    with cursor.copy(_named("COPY {} TO STDOUT", table)) as copy:
        return b"".join(copy)


def _empty(cursor: Any, tables: list[str]) -> None:
    if tables:
        # Those that point to them are emptied too: by themselves they would be left wrong.
        cursor.execute(_named("TRUNCATE {} CASCADE", *tables))


def _named(statement: str, *tables: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.SQL(", ").join(map(sql.Identifier, tables)))


@contextmanager
def _cursor() -> Iterator[Any]:
    """Of psycopg itself: Django's does not copy."""
    with connection.cursor() as wrapped:
        yield wrapped.cursor
