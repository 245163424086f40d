"""What running transactions hold back: their changes may be committed and logged at any time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

_XID8 = 130_000  # from this version: pg_current_snapshot() and xid8


@dataclass(frozen=True, slots=True)
class Holder:
    """A transaction that has written and has not ended. `age` in seconds, None where this role may
    not see it; `gid` names a prepared one, which has no process.
    """

    kind: Literal["running", "prepared"]
    pid: int | None
    gid: str | None
    application: str
    user: str
    age: float | None


@dataclass(frozen=True, slots=True)
class Horizon:
    """Transactions below `xmin` have ended; those from `xmax` on had not. `holders`
    of this database: prepared ones first, as nobody's end ends them, then by age.
    """

    xmin: int
    xmax: int
    holders: tuple[Holder, ...]


def snapshot_bounds(connection: psycopg.Connection[Any]) -> tuple[int, int]:
    """xmin and xmax of a snapshot taken now, 64 bits, so that they never start over."""
    row = connection.execute(bounds_sql(connection.info.server_version)).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def begin_mark(connection: psycopg.Connection[Any]) -> int:
    """A transaction number of our own: whoever was writing before has a lower one.

    The xmax of a snapshot is not enough. It follows the last transaction that has ended, and one
    that runs may have that very number, or a higher one.
    """
    function = "pg_current_xact_id" if connection.info.server_version >= _XID8 else "txid_current"
    row = connection.execute(f"SELECT {function}()::text").fetchone()
    assert row is not None
    return int(row[0])


def has_passed(connection: psycopg.Connection[Any], mark: int) -> bool:
    """Whether every transaction that was writing when `begin_mark` gave this has ended: what they
    changed is visible, and in the log.
    """
    return snapshot_bounds(connection)[0] >= mark


def horizon(connection: psycopg.Connection[Any]) -> Horizon:
    """What holds back now."""
    xmin, xmax = snapshot_bounds(connection)
    return Horizon(xmin, xmax, (*_prepared(connection), *_running(connection)))


def bounds_sql(server_version: int) -> str:
    """xmin and xmax as text."""
    if server_version < _XID8:
        return (
            "SELECT txid_snapshot_xmin(s)::text, txid_snapshot_xmax(s)::text "
            "FROM txid_current_snapshot() AS s"
        )
    return (
        "SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text "
        "FROM pg_current_snapshot() AS s"
    )


def _running(connection: psycopg.Connection[Any]) -> Iterator[Holder]:
    rows = connection.execute(
        "SELECT pid, coalesce(application_name, ''), coalesce(usename, '')::text, "
        "extract(epoch FROM clock_timestamp() - xact_start)::float8 FROM pg_stat_activity "
        "WHERE backend_xid IS NOT NULL AND datname = current_database() "
        "ORDER BY age(backend_xid) DESC, pid"
    )
    for pid, application, user, age in rows:
        yield Holder("running", pid, None, application, user, age)


def _prepared(connection: psycopg.Connection[Any]) -> Iterator[Holder]:
    rows = connection.execute(
        "SELECT gid, owner::text, extract(epoch FROM clock_timestamp() - prepared)::float8 "
        "FROM pg_prepared_xacts WHERE database = current_database() ORDER BY age(transaction) DESC"
    )
    for gid, owner, age in rows:
        yield Holder("prepared", None, gid, "", owner, age)
