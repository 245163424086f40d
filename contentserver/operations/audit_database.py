"""Connections of their own to the audit's copy, for work that streams: not Django's, not pooled."""

from typing import Any

import psycopg
from django.db import connections
from psycopg.conninfo import make_conninfo

WANTED = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert")


def audit_conninfo() -> str:
    """Where Django's database is, as this process's user; for libpq."""
    params = connections["default"].get_connection_params()
    return make_conninfo(**{name: params[name] for name in WANTED if params.get(name)})


def audit_connection(name: str) -> psycopg.Connection[Any]:
    """An autocommit connection with UTC as its time zone. Raises psycopg.Error."""
    return psycopg.connect(
        audit_conninfo(),
        autocommit=True,
        connect_timeout=5,
        application_name=name,
        options="-c TimeZone=UTC",
    )
