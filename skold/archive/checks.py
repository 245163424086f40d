"""What `check --deploy` asks the database: are its users apart, is every month guarded?"""

from typing import Any

from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DatabaseError, connection
from django.utils.translation import gettext

from skold.database_roles import ARCHIVER, GROUPS, REDACTOR, WRITER

MORE_THAN_WEB = """
SELECT array_remove(ARRAY[
    CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN 'superuser' END,
    CASE WHEN pg_has_role(relowner, 'MEMBER') THEN 'owner' END
], NULL) || ARRAY(SELECT name FROM unnest(%s::text[]) AS name WHERE pg_has_role(name, 'MEMBER'))
FROM pg_class WHERE oid = to_regclass('skold_audit')
"""
UNGUARDED = """
SELECT inhrelid::regclass::text FROM pg_inherits
WHERE inhparent = to_regclass('skold_audit') AND (
    SELECT count(*) FROM pg_trigger
    WHERE tgrelid = inhrelid AND tgenabled IN ('O', 'A') AND tgname = ANY(%s)) < %s
ORDER BY 1
"""
TRIGGERS = [f"skold_audit_{name}" for name in ("inserts", "updates", "deletes", "truncates")]


@register(Tags.security, deploy=True)
def check_database_roles(**_: Any) -> list[CheckMessage]:
    """skold.W001: web processes could write the audit they are judged by.

    skold.W002: a month of the audit lacks the triggers that refuse changes. Without PostgreSQL
    nothing is said: it is asked again at the next check.
    """
    try:
        more, unguarded = _ask()
    except DatabaseError:
        return []
    return [*_too_much(more), *_unguarded(unguarded)]


def _ask() -> tuple[list[str], list[str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [list(GROUPS)])
        made = cursor.fetchone() == (len(GROUPS),)
        roles = [WRITER, REDACTOR, ARCHIVER] if made else []
        cursor.execute(MORE_THAN_WEB, [roles])
        row = cursor.fetchone()
        cursor.execute(UNGUARDED, [TRIGGERS, len(TRIGGERS)])
        return (row[0] if row else []), [name for (name,) in cursor.fetchall()]


def _too_much(more: list[str]) -> list[CheckMessage]:
    if not more:
        return []
    return [
        CheckWarning(
            gettext("The database user of web processes may write the audit (%(roles)s).")
            % {"roles": ", ".join(more)},
            hint=gettext(
                "Give each kind of process a user of its own: DATABASE_URL, BRIDGE_DATABASE_URL, "
                "OWNER_DATABASE_URL and ARCHIVER_DATABASE_URL; then `manage.py initialise`."
            ),
            id="skold.W001",
        )
    ]


def _unguarded(tables: list[str]) -> list[CheckMessage]:
    if not tables:
        return []
    return [
        CheckWarning(
            gettext("Rows of %(tables)s can be changed: a guard is missing or switched off.")
            % {"tables": ", ".join(tables)},
            hint=gettext("Compare them with `manage.py rebuild_ledger --check`, then migrate."),
            id="skold.W002",
        )
    ]
