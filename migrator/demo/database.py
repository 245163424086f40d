"""A database of its own for the old application, with a role that owns it and nothing else.

In the embedded PostgreSQL always; in a server given from outside only where the role may make
databases and nobody else's `legacy` is there.
"""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from migrator.demo.secret_files import write_secret

DATABASE = "legacy"
ROLE = "legacy_photos"
SERVER = ("host", "hostaddr", "port", "sslmode", "sslrootcert")
"""What leads to the server, and is the same for every role and database."""


class DemoSkipped(Exception):
    """The demo database cannot be made here; the text says why and what would help."""


def make_database(connection: psycopg.Connection[Any], dsn_file: Path) -> str:
    """Make role and database where they are missing; returns the DSN, which `dsn_file` (0600)
    holds from before the first of them is made.

    `connection` is one of our own role, in autocommit. Safe to repeat at every start: the password
    stays, the place of the server is followed. Raises DemoSkipped.
    """
    found = _exists(connection, "pg_database", "datname", DATABASE)
    if not dsn_file.exists():
        _check_rights(connection, found=found)
    password = _password(dsn_file) or secrets.token_urlsafe(18)
    dsn = _dsn(connection, password)
    write_secret(dsn_file, dsn)
    role = sql.Identifier(ROLE)
    verb = "ALTER" if _exists(connection, "pg_roles", "rolname", ROLE) else "CREATE"
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(sql.SQL(verb), role, sql.Literal(password))
    )
    # Who makes a database for another role must be a member of it; a superuser is one anyway.
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    if not found:
        owned = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), role)
        connection.execute(owned)
    return dsn


def _check_rights(connection: psycopg.Connection[Any], *, found: bool) -> None:
    """A database of that name without our file belongs to somebody else."""
    if found:
        raise DemoSkipped(f"a database {DATABASE} is there already and is not the demo's")
    row = connection.execute(
        "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_roles"
        " WHERE rolname = current_user"
    ).fetchone()
    if not row or not row[0]:
        raise DemoSkipped(
            "the role of DATABASE_URL may not create databases and roles;"
            " give it CREATEDB and CREATEROLE to try the migrator"
        )


def _exists(connection: psycopg.Connection[Any], catalog: str, column: str, name: str) -> bool:
    wanted = sql.SQL("SELECT 1 FROM {} WHERE {} = %s").format(
        sql.Identifier(catalog), sql.Identifier(column)
    )
    return connection.execute(wanted, (name,)).fetchone() is not None


def _password(dsn_file: Path) -> str | None:
    try:
        given = conninfo_to_dict(dsn_file.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None
    return str(given["password"])


def _dsn(connection: psycopg.Connection[Any], password: str) -> str:
    here = connection.info.get_parameters()
    options = {"host": connection.info.host, **here}
    query = "&".join(f"{name}={quote(options[name], '')}" for name in SERVER if options.get(name))
    return f"postgresql://{ROLE}:{password}@/{DATABASE}?{query}"
