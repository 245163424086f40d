"""Who may do what to which table of the control database.

Four group roles without a login stand for what a process does; the logins of its processes are
members. Everybody's tables are the application's. The tables named here are narrower: the audit's
copy grows by the bridge alone, loses private parts to the redaction alone, and whole months to
whoever archives. Triggers (migration `database_roles`) say the same once more, so that not even
the owner of the tables can change a record by a slip.
"""

from collections.abc import Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from psycopg import sql

APPLICATION = "skold_application"
"""Web processes, worker and bridge: every table that is not named in NARROW."""
WRITER = "skold_audit_writer"
"""The bridge: new records, the sums beside them, how far the copy is."""
REDACTOR = "skold_audit_redactor"
"""The bridge by SET ROLE, while it carries out a redaction: empties private parts."""
ARCHIVER = "skold_audit_archiver"
"""Whoever runs archive_audit: puts verified months away and brings them back."""

GROUPS = (APPLICATION, WRITER, REDACTOR, ARCHIVER)

EVERYDAY = {APPLICATION: ("SELECT", "INSERT", "UPDATE", "DELETE")}
_SUMS = {APPLICATION: ("SELECT",), WRITER: ("SELECT", "INSERT", "UPDATE", "DELETE")}

NARROW: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "skold_audit": {
        APPLICATION: ("SELECT",),
        WRITER: ("SELECT", "INSERT"),
        REDACTOR: ("SELECT", "UPDATE (private)"),
        ARCHIVER: ("SELECT",),
    },
    # A view's owner asks the table on behalf of whoever may ask the view.
    "skold_audit_view": {APPLICATION: ("SELECT",)},
    "skold_ledgermark": {APPLICATION: ("SELECT",), WRITER: ("SELECT", "INSERT", "UPDATE")},
    "skold_audithour": _SUMS,
    "skold_credentialuse": _SUMS,
    "skold_knownnetwork": {**_SUMS, REDACTOR: ("SELECT", "DELETE")},
    "skold_archivedmonth": {
        APPLICATION: ("SELECT",),
        REDACTOR: ("SELECT", "UPDATE (sha256)", "UPDATE (size)"),
        ARCHIVER: ("SELECT", "INSERT", "UPDATE"),
    },
    "skold_finding": {APPLICATION: ("SELECT", "INSERT", "UPDATE")},
    "skold_review": {APPLICATION: ("SELECT", "INSERT")},
    "skold_redaction": {APPLICATION: ("SELECT", "INSERT", "UPDATE")},
    "django_migrations": {APPLICATION: ("SELECT",)},
}
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "skold_audit_partition(timestamptz)": (WRITER, ARCHIVER),
    "skold_audit_put_away(date)": (ARCHIVER,),
    "skold_audit_begin_reading(date)": (ARCHIVER,),
    "skold_audit_bring_back(date, text)": (ARCHIVER,),
}
"""Functions that act with the rights of the tables' owner, and who may call them."""


class RolesMissing(Exception):
    """Roles that only an administrator of the server may make; the text holds the SQL."""


def privileges_of(table: str) -> Mapping[str, tuple[str, ...]]:
    """By group role, what it may do to this table."""
    return NARROW.get(table, EVERYDAY)


def apply_grants(using: str = DEFAULT_DB_ALIAS) -> None:
    """Give each group what is declared here, and take away what is not. Idempotent.

    Raises django.db.Error where the connection's role does not own the tables.
    """
    # In one transaction: nobody at work meets a moment without rights.
    with transaction.atomic(using), connections[using].cursor() as cursor:
        schema = _name(cursor, "SELECT current_schema()")
        groups = sql.SQL(", ").join(map(sql.Identifier, GROUPS))
        _run(cursor, "GRANT USAGE ON SCHEMA {} TO {}", sql.Identifier(schema), groups)
        for table in _tables(cursor):
            _grant_table(cursor, table, groups)
        _run(
            cursor,
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {} TO {}",
            sql.Identifier(schema),
            sql.Identifier(APPLICATION),
        )
        for function, roles in FUNCTIONS.items():
            called = sql.SQL(function)
            _run(cursor, "REVOKE ALL ON FUNCTION {} FROM PUBLIC, {}", called, groups)
            callers = sql.SQL(", ").join(map(sql.Identifier, roles))
            _run(cursor, "GRANT EXECUTE ON FUNCTION {} TO {}", called, callers)


def grant_after_migrate(*, using: str, **facts: Any) -> None:
    """Receiver of post_migrate: new tables get their grants with the migration that made them.

    A flush sends the signal as well, without a plan, and changes no rights.
    """
    if "plan" not in facts or any(backwards for _migration, backwards in facts["plan"]):
        return
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT to_regproc('skold_audit_put_away') IS NOT NULL"
            " AND pg_has_role(relowner, 'USAGE')"
            " FROM pg_class WHERE oid = to_regclass('skold_audit')"
        )
        row = cursor.fetchone()
    if row and row[0]:
        apply_grants(using)


def _tables(cursor: Any) -> list[str]:
    """Tables and views of the schema that belong to the owner of the audit's."""
    cursor.execute(
        "SELECT c.relname FROM pg_class c, pg_class audit"
        " WHERE audit.oid = 'skold_audit'::regclass AND c.relowner = audit.relowner"
        " AND c.relnamespace = audit.relnamespace AND c.relkind IN ('r', 'p', 'v', 'm')"
        " AND NOT c.relispartition ORDER BY 1"
    )
    return [name for (name,) in cursor.fetchall()]


def _grant_table(cursor: Any, table: str, groups: sql.Composable) -> None:
    named = sql.Identifier(table)
    _run(cursor, "REVOKE ALL ON {} FROM PUBLIC, {}", named, groups)
    for role, privileges in privileges_of(table).items():
        given = sql.SQL(", ".join(privileges))
        _run(cursor, "GRANT {} ON {} TO {}", given, named, sql.Identifier(role))


def _run(cursor: Any, statement: str, *parts: sql.Composable) -> None:
    cursor.execute(sql.SQL(statement).format(*parts))


def _name(cursor: Any, query: str) -> str:
    cursor.execute(query)
    return str(cursor.fetchone()[0])
