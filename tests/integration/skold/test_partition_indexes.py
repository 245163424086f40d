"""Indexes come to a big audit month by month: nobody who writes waits, and a kill is made good."""

import threading
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import psycopg
import pytest

from skold.partition_indexes import PartitionIndex, build, drop

INDEX = PartitionIndex("skold_audit_trial", "(rule, at) WHERE rule IS NOT NULL")
MONTHS = ("2034_01", "2034_02", "2034_03")
INSERT = """
INSERT INTO skold_audit (node, leaf_index, at, writer, n, kind, private, body)
VALUES ('trial', %s, '2034-01-10Z', 'w', 1, 'req', '{}', '{}')
"""


@pytest.fixture
def database(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for month in MONTHS:
            add_month(connection, month)
        yield connection
        connection.execute(f"DROP INDEX IF EXISTS {INDEX.name}")
        connection.execute("DELETE FROM skold_audit WHERE node = 'trial'")


def add_month(connection: psycopg.Connection[Any], month: str) -> None:
    moment = f"{month.replace('_', '-')}-10Z"
    connection.execute("SELECT skold_audit_partition(%s)", (moment,))


def is_whole(connection: psycopg.Connection[Any]) -> bool:
    """PostgreSQL's word: an index of a partitioned table is valid when every partition has one."""
    found = connection.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", (INDEX.name,)
    ).fetchone()
    return found == (True,)


def test_every_month_gets_the_index_and_those_that_come_later(
    database: psycopg.Connection[Any],
) -> None:
    with database.cursor() as cursor:
        made = list(build(cursor, INDEX))
    assert {f"skold_audit_{month}" for month in MONTHS} <= set(made)
    assert is_whole(database)
    add_month(database, "2034_04")
    assert is_whole(database)


def test_it_goes_on_where_it_was_killed(database: psycopg.Connection[Any]) -> None:
    with database.cursor() as cursor:
        months = build(cursor, INDEX)
        for name in months:
            if name == "skold_audit_2034_03":
                break  # killed before the turn of this month
        months.close()  # type: ignore[attr-defined]
        own = f"{INDEX.name}_2034_03"
        cursor.execute(f"CREATE INDEX {own} ON skold_audit_2034_03 {INDEX.columns}")
        # What CREATE INDEX CONCURRENTLY leaves behind when it is killed.
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", (own,)
        )
        assert not is_whole(database)
        add_month(database, "2034_05")
        list(build(cursor, INDEX))
        assert is_whole(database)
        list(build(cursor, INDEX))
        drop(cursor, INDEX.name)
        cursor.execute("SELECT to_regclass(%s)", (own,))
        assert cursor.fetchone() == (None,)


def test_writers_do_not_wait_while_a_month_gets_its_index(
    database: psycopg.Connection[Any], conninfo: str
) -> None:
    """The copier is in a transaction: the index waits for it, nobody for the index."""
    with psycopg.connect(conninfo, autocommit=True) as own, own.cursor() as cursor:
        months = build(cursor, INDEX)
        next(months)
        with psycopg.connect(conninfo) as copier:
            copier.execute(INSERT, (1,))
            thread = threading.Thread(target=list, args=(months,))
            thread.start()
            wait_until_it_waits(database)
            with psycopg.connect(conninfo) as other:
                other.execute("SET lock_timeout = '2s'")
                other.execute(INSERT, (2,))
            copier.execute(INSERT, (3,))
            assert thread.is_alive(), "the index was made without waiting; this said nothing"
        thread.join(20)
    assert is_whole(database)


def wait_until_it_waits(database: psycopg.Connection[Any]) -> None:
    """Return when a month's index is being made and waits for older transactions."""
    waits = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE query LIKE 'CREATE INDEX CONC%' AND wait_event_type = 'Lock'"
    )
    until = time.monotonic() + 20
    while database.execute(waits).fetchone() == (0,):
        assert time.monotonic() < until, "it never waited; this said nothing"
        time.sleep(0.02)


def test_each_index_of_the_migration_is_whole(database: psycopg.Connection[Any]) -> None:
    migration = import_module("skold.migrations.0008_audit_filter_indexes")
    for index in migration.INDEXES:
        found = database.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (index.name,)
        ).fetchone()
        assert found == (True,), index.name
