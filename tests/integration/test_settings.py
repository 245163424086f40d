"""The control plane's database: really PostgreSQL, and never waited for without an end."""

import time

import psycopg
import pytest
from django.db import connection

from contentserver import database
from contentserver.conf import read_config
from contentserver.database import ImpatientConnection, database_settings
from tests.support.servers import TestPostgres


@pytest.mark.django_db
def test_it_is_the_postgresql_of_the_wheel():
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        assert cursor.fetchone()[0].startswith("18")


def test_it_gives_up_a_statement_that_takes_too_long(own_postgres: TestPostgres, monkeypatch):
    monkeypatch.setattr(database, "_answer_within", 0.3)
    with ImpatientConnection.connect(own_postgres.url) as patient:
        started = time.monotonic()
        with pytest.raises(psycopg.OperationalError, match="did not answer within"):
            patient.cursor().execute("SELECT pg_sleep(5)")
        assert time.monotonic() - started < 2
        assert patient.closed


def test_it_lets_a_statement_take_its_time_where_no_limit_is_set(own_postgres: TestPostgres):
    with ImpatientConnection.connect(own_postgres.url) as patient:
        assert patient.cursor().execute("SELECT pg_sleep(1), 7").fetchone()[1] == 7


def test_it_notices_a_frozen_server_within_two_seconds(own_postgres: TestPostgres, monkeypatch):
    monkeypatch.setenv("CONTENTSERVER_DATABASE_POOL", "2")
    monkeypatch.setenv("DATABASE_URL", own_postgres.url)
    options = database_settings(read_config())["OPTIONS"]["pool"]
    from psycopg_pool import ConnectionPool, PoolTimeout

    with ConnectionPool(own_postgres.url, check=ConnectionPool.check_connection, **options) as pool:
        with pool.connection() as first:
            assert first.cursor().execute("SELECT 1").fetchone() == (1,)
        own_postgres.freeze()
        started = time.monotonic()
        with pytest.raises(PoolTimeout):
            pool.getconn()
        assert time.monotonic() - started < 2.2
        own_postgres.thaw()
        with pool.connection(timeout=10) as again:
            assert again.cursor().execute("SELECT 2").fetchone() == (2,)


def test_it_reads_every_part_of_a_database_url(monkeypatch):
    monkeypatch.setenv("CONTENTSERVER_DATABASE_POOL", "0")
    monkeypatch.setenv(
        "DATABASE_URL", "postgresql://us%40er:p%2Fw@db.example:6543/files?sslmode=require"
    )
    found = database_settings(read_config())
    parts = [found[name] for name in ("HOST", "PORT", "NAME", "USER", "PASSWORD")]
    assert parts == ["db.example", "6543", "files", "us@er", "p/w"]
    assert found["OPTIONS"] == {"connect_timeout": 2, "sslmode": "require"}


def test_it_refuses_another_kind_of_database(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://db/files")
    with pytest.raises(ValueError, match="DATABASE_URL must begin with postgresql://"):
        database_settings(read_config())
