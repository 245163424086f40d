"""Connections to a legacy database that never wait for ever.

libpq waits without end for a server that is frozen, not dead: neither its own timeouts nor the
kernel's keepalives see that. So each statement has a limit on this side as well, and a connection
that ran into it is closed for good.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import make_conninfo

from migrator.fallback import limits

T = TypeVar("T")
APPLICATION = "contentserver data plane"


class NoAnswer(psycopg.OperationalError):
    """The server is connected and silent."""

    def __init__(self, limit: float) -> None:
        super().__init__(f"the legacy database did not answer within {limit} s")


class ImpatientConnection(psycopg.Connection[Any]):
    """For a thread. A statement that takes longer than `limit` seconds is NoAnswer."""

    limit = limits.STATEMENT

    def wait(
        self, gen: Generator[Any, Any, T], interval: float = 0.1, timeout: float | None = None
    ) -> T:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.limit)
        except errors._WaitTimeout as error:
            self.pgconn.finish()
            raise NoAnswer(self.limit) from error


class ImpatientAsyncConnection(psycopg.AsyncConnection[Any]):
    """For the event loop."""

    limit = limits.STATEMENT

    async def wait(
        self,
        gen: Generator[Any, Any, T],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is psycopg's
    ) -> T:
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        try:
            return await super().wait(gen, interval, self.limit)
        except errors._WaitTimeout as error:
            self.pgconn.finish()
            raise NoAnswer(self.limit) from error


def is_alive(connection: ImpatientConnection) -> bool:
    """Whether a connection that lay idle can be used; it is closed if not."""
    connection.limit = limits.SIGN_OF_LIFE
    try:
        connection.execute("")
    except psycopg.Error:
        connection.close()
        return False
    finally:
        connection.limit = limits.STATEMENT
    return True


async def check(connection: ImpatientAsyncConnection) -> None:
    """A sign of life, soon. Raises psycopg.Error."""
    connection.limit = limits.SIGN_OF_LIFE
    try:
        await connection.execute("")
    finally:
        connection.limit = limits.STATEMENT


def address_with_limits(address: str) -> str:
    """The address with all that this side can ask of libpq. Raises psycopg.ProgrammingError for one
    that libpq does not understand.
    """
    return make_conninfo(
        address,
        connect_timeout=limits.CONNECT,
        keepalives=1,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=2,
        tcp_user_timeout=int(limits.STATEMENT * 1000),
        application_name=APPLICATION,
    )


OPTIONS: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}
"""No prepared statements: a pooler in front of the legacy database may not know them."""

LIMIT_STATEMENTS = f"SET statement_timeout = {int(limits.STATEMENT * 1000)}"
"""A statement, not a start-up option, which poolers refuse."""


def connect(address: str) -> ImpatientConnection:
    """A new connection for a thread. Raises psycopg.Error within a few seconds."""
    connection = ImpatientConnection.connect(address, **OPTIONS)
    try:
        connection.execute(LIMIT_STATEMENTS)
    except BaseException:
        connection.close()
        raise
    return connection


async def configure(connection: ImpatientAsyncConnection) -> None:
    """What every connection of the event loop begins with. Raises psycopg.Error."""
    await connection.execute(LIMIT_STATEMENTS)


async def probe(address: str) -> None:
    """A sign of life of the server, on a new connection. Raises psycopg.Error within a few
    seconds.
    """
    connection = await ImpatientAsyncConnection.connect(address, **OPTIONS)
    try:
        await connection.execute("SELECT 1")
    finally:
        await connection.close()
