"""Connections to a legacy database, and one snapshot for everything that belongs together."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def connect(
    address: str, *, application: str = "contentserver", timeout: int = 10
) -> psycopg.Connection[Any]:
    """A connection as the readers and writers here need it: autocommit, UTF-8, and no prepared
    statements, which PgBouncer may hand to another server. `timeout` in seconds, for connecting.
    """
    return psycopg.connect(
        address,
        autocommit=True,
        prepare_threshold=None,
        connect_timeout=timeout,
        client_encoding="UTF8",
        application_name=application,
    )


def require_idle(connection: psycopg.Connection[Any]) -> None:
    """Raise ValueError unless the connection is in autocommit and outside of a transaction."""
    if not connection.autocommit:
        raise ValueError("the connection must be in autocommit; see migrator.legacy.snapshots")
    if connection.info.transaction_status == TransactionStatus.INTRANS:
        raise ValueError("the connection is in a transaction already")


@contextmanager
def one_snapshot(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """What the block reads was committed at one moment. Nothing can be written."""
    require_idle(connection)
    connection.execute(_BEGIN)
    try:
        yield
    finally:
        # A lost connection has said so already, and a read-only transaction leaves nothing.
        with contextlib.suppress(psycopg.Error):
            connection.execute("ROLLBACK")
