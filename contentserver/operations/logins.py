"""Users of the control database: one for each kind of process, members of Sköld's group roles.

Made by `initialise` with the rights of the owner, where the addresses name different users. Safe
to run at every start; a password is set only when a user is made, and never travels in the clear.
"""

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from django.db import connection
from django.utils.translation import gettext as _
from psycopg import Error, sql

from contentserver.conf import Config
from contentserver.database_users import DatabaseUser, address_of
from skold.database_roles import APPLICATION, ARCHIVER, REDACTOR, WRITER

INHERITED = {
    DatabaseUser.WEB: (APPLICATION,),
    DatabaseUser.BRIDGE: (APPLICATION, WRITER),
    DatabaseUser.ARCHIVER: (APPLICATION, WRITER, ARCHIVER),
}
"""What each user is all the time. The archiver's also runs rebuild_ledger."""
ON_REQUEST = {DatabaseUser.BRIDGE: (REDACTOR,)}
"""What it becomes by SET ROLE alone, for the one transaction that needs it."""


class LoginsMissing(Exception):
    """The owner may not make or complete a user; the text holds the SQL for somebody who may."""


def make_logins(config: Config) -> list[str]:
    """Make the users that are missing and give each its groups; returns the names of new ones.

    Raises LoginsMissing, django.db.Error.
    """
    owner = _user(config, DatabaseUser.OWNER)
    made = []
    for user in INHERITED:
        name, password = _user(config, user)
        if name == owner[0]:
            continue
        statements = _missing(name, user, password=password)
        if statements and _is_new(name):
            made.append(name)
        _carry_out(statements, owner[0], name, user)
    return made


def sql_by_hand(name: str, user: DatabaseUser) -> str:
    """What an administrator of the server runs, to make this user from nothing."""
    groups = [f'GRANT {group} TO "{name}";' for group in INHERITED[user]]
    # Before PostgreSQL 16 the words after WITH do not exist; the trigger asks for SET ROLE there.
    groups += [
        f'GRANT {group} TO "{name}" WITH INHERIT FALSE, SET TRUE;'
        for group in ON_REQUEST.get(user, ())
    ]
    return "\n".join([f"CREATE ROLE \"{name}\" LOGIN PASSWORD '…';", *groups])


def _missing(name: str, user: DatabaseUser, *, password: str) -> list[sql.Composable]:
    """Statements that make the user what it should be; none where it is."""
    new = _is_new(name)
    statements: list[sql.Composable] = [_creation(name, password)] if new else []
    wanted = [(group, "") for group in INHERITED[user]]
    wanted += [(group, _on_request()) for group in ON_REQUEST.get(user, ())]
    return statements + [
        sql.SQL("GRANT {} TO {}" + options).format(sql.Identifier(group), sql.Identifier(name))
        for group, options in wanted
        if new or not _is_member(name, group)
    ]


def _creation(name: str, password: str) -> sql.Composable:
    statement = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name))
    if not password:
        return statement
    # The server's log may keep statements: it gets the verifier (RFC 5803), not the password.
    with connection.cursor() as cursor:
        pgconn = cursor.connection.pgconn
        verifier = pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    return statement + sql.SQL(" PASSWORD {}").format(sql.Literal(verifier.decode()))


def _carry_out(
    statements: Sequence[sql.Composable], owner: str, name: str, user: DatabaseUser
) -> None:
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    except Exception as error:
        if not isinstance(error.__cause__, Error):
            raise
        raise LoginsMissing(
            _("Role %(owner)s may not make or complete %(name)s. Let an administrator run:")
            % {"owner": owner, "name": name}
            + f"\n\n{sql_by_hand(name, user)}\n"
        ) from error


def _on_request() -> str:
    with connection.cursor() as cursor:
        version = cursor.connection.info.server_version
    return " WITH INHERIT FALSE, SET TRUE" if version >= 160_000 else ""


def _is_new(name: str) -> bool:
    return not _ask("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", name)


def _is_member(name: str, group: str) -> bool:
    return _ask("SELECT pg_has_role(%s, %s, 'MEMBER')", name, group)


def _ask(query: str, *values: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        row = cursor.fetchone()
    return bool(row and row[0])


def _user(config: Config, user: DatabaseUser) -> tuple[str, str]:
    url = urlsplit(address_of(config, user))
    return unquote(url.username or ""), unquote(url.password or "")
