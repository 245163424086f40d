"""DATABASE_URL as Django's settings, and a connection that gives up on a server that has stopped
answering.

libpq waits for ever for the answer of a frozen server. The control plane must say 503 within 2 s,
so a pooled connection is asked for a sign of life before each request and has half a second for it.
In web processes a statement has a limit as well; commands and the bridge, whose statements may be
long, wait without one.
"""

from collections.abc import Generator
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from psycopg import errors

from contentserver.conf import Config
from contentserver.database_users import DatabaseUser, address_of

SIGN_OF_LIFE = 0.5
LOOPS = 32
"""Connections that the bridge may hold: each of its loops keeps one for itself."""
T = TypeVar("T")

_answer_within: float | None = None


def limit_answers(seconds: float | None) -> None:
    """From now on a statement of this process that takes longer is an OperationalError. None = no
    limit.
    """
    global _answer_within
    _answer_within = seconds


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection whose statements obey `limit_answers`; one that ran out of time is closed for
    good.
    """

    _pinging = False

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """The pool's check sends an empty query this way; all of Django's statements go through
        cursors.
        """
        self._pinging = query == ""
        try:
            return super().execute(query, params, **options)
        finally:
            self._pinging = False

    def wait(
        self, gen: Generator[Any, Any, T], interval: float = 0.1, timeout: float | None = None
    ) -> T:
        limit = SIGN_OF_LIFE if self._pinging else _answer_within
        if timeout is not None or limit is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, limit)
        except errors._WaitTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"the database did not answer within {limit} s; the connection was given up"
            ) from error


def database_settings(config: Config, user: DatabaseUser = DatabaseUser.WEB) -> dict[str, Any]:
    """The `default` entry of DATABASES, as that user. Raises ValueError when the variable with its
    address holds no PostgreSQL address.
    """
    url = urlsplit(address_of(config, user))
    if url.scheme not in {"postgres", "postgresql"}:
        raise ValueError(
            f"{user.value} must begin with postgresql://, "
            "for example postgresql://contentserver:secret@db:5432/contentserver"
        )
    query = dict(parse_qsl(url.query))
    socket_folder = query.pop("host", "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")) or "contentserver",
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or socket_folder,
        "PORT": str(url.port or query.pop("port", "")),
        "OPTIONS": {"connect_timeout": 2, **query, **_pool(config, user)},
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
    }


def _pool(config: Config, user: DatabaseUser) -> dict[str, Any]:
    if not config.database_pool:
        return {}
    size = config.database_pool
    if user is DatabaseUser.BRIDGE:
        size = max(size, LOOPS)
    return {
        "pool": {
            "connection_class": ImpatientConnection,
            "min_size": 0,
            "max_size": size,
            # psycopg_pool waits 30 s and queues without limit unless told.
            "timeout": max(0.5, config.database_timeout - SIGN_OF_LIFE),
            "max_waiting": 4 * size,
            "max_idle": 300,
        }
    }
