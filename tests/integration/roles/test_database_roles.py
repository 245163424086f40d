"""Who may do what to which table, asked of PostgreSQL's catalog and tried out as each user."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg.conninfo import make_conninfo

from contentserver.database_users import DatabaseUser, choose, chosen
from contentserver.operations.audit_database import audit_conninfo
from contentserver.operations.logins import INHERITED, make_logins, sql_by_hand
from skold.database_roles import GROUPS, NARROW, privileges_of

pytestmark = pytest.mark.django_db(transaction=True)

WEB, BRIDGE, ARCHIVER = "test_web", "test_bridge", "test_archiver"
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
INSERT = (
    "INSERT INTO skold_audit (node, leaf_index, at, writer, n, kind, private, body)"
    " VALUES ('role', 1, '2026-11-01', 'w', 1, 'req', '{\"end_user\": \"anna\"}', '')"
)
As = Callable[[str], AbstractContextManager[psycopg.Connection[Any]]]


@pytest.fixture
def logins() -> Iterator[None]:
    """Users of this server, made as `initialise` makes them."""
    address = f"postgresql://{{}}@/contentserver?host={settings.CONFIG.home}/sock"
    config = replace(
        settings.CONFIG,
        database_url=address.format(WEB),
        bridge_database_url=address.format(BRIDGE),
        archiver_database_url=address.format(ARCHIVER),
    )
    make_logins(config)
    assert make_logins(config) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT skold_audit_partition('2026-11-01')")
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE skold_audit, skold_ledgermark, skold_archivedmonth")


@pytest.fixture
def log_in(logins: None) -> As:
    """A connection as one of them."""

    @contextmanager
    def as_user(name: str) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(make_conninfo(audit_conninfo(), user=name), autocommit=True) as opened:
            yield opened

    return as_user


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
            " AND relkind IN ('r', 'p', 'v') AND NOT relispartition ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall()]


def _ask(query: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        row = cursor.fetchone()
    return row[0] if row else None


def test_each_group_may_do_with_each_table_what_is_declared_and_no_more(logins: None) -> None:
    found, declared = {}, {}
    for table in _tables():
        for group in GROUPS:
            given = privileges_of(table).get(group, ())
            for privilege in PRIVILEGES:
                question = "SELECT has_table_privilege(%s, %s, %s)"
                found[table, group, privilege] = _ask(question, group, f'"{table}"', privilege)
                declared[table, group, privilege] = privilege in given
    assert found == declared
    assert set(NARROW) <= set(_tables())


def test_no_group_may_touch_a_partition_directly(logins: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'skold_audit'::regclass"
        )
        partitions = [name for (name,) in cursor.fetchall()]
    assert partitions
    for table in partitions:
        for group in GROUPS:
            for privilege in PRIVILEGES:
                assert not _ask("SELECT has_table_privilege(%s, %s, %s)", group, table, privilege)


def test_everybody_s_tables_are_not_everybody_s_in_postgresql(logins: None) -> None:
    for table in _tables():
        assert not _ask(
            "SELECT has_table_privilege('public', %s, 'SELECT, INSERT, UPDATE, DELETE')",
            f'"{table}"',
        )


FORBIDDEN_TO_WEB = [
    INSERT,
    INSERT.replace("skold_audit ", "skold_audit_2026_11 "),
    INSERT.replace("skold_audit ", "skold_audit_view "),
    "UPDATE skold_audit SET client = 'x'",
    "UPDATE skold_audit SET private = '{}'",
    "UPDATE skold_audit_view SET client = 'x'",
    "UPDATE skold_audit_2026_11 SET client = 'x'",
    "DELETE FROM skold_audit",
    "DELETE FROM skold_audit_view",
    "DELETE FROM skold_audit_2026_11",
    "TRUNCATE skold_audit",
    "TRUNCATE skold_audit_2026_11",
    "DROP TABLE skold_audit_2026_11",
    "DROP TABLE skold_audit",
    "ALTER TABLE skold_audit ADD COLUMN x int",
    "ALTER TABLE skold_audit DISABLE TRIGGER ALL",
    "ALTER TABLE skold_audit_2026_11 DISABLE TRIGGER ALL",
    "DROP TRIGGER skold_audit_inserts ON skold_audit",
    "ALTER TABLE skold_audit DETACH PARTITION skold_audit_2026_11",
    (
        "CREATE TEMP TABLE mine (LIKE skold_audit);"
        "ALTER TABLE skold_audit ATTACH PARTITION mine"
        " FOR VALUES FROM ('1990-01-01') TO ('1990-02-01')"
    ),
    "SET session_replication_role = replica",
    "SET ROLE skold_audit_writer",
    "SET ROLE skold_audit_redactor",
    "SET ROLE skold_audit_archiver",
    "SELECT skold_audit_partition('2030-01-01')",
    "SELECT skold_audit_put_away('2026-11-01')",
    "SELECT skold_audit_begin_reading('2026-11-01')",
    "INSERT INTO skold_ledgermark VALUES ('role', 1)",
    "UPDATE skold_ledgermark SET next_leaf = 0",
    "DELETE FROM skold_knownnetwork",
    "UPDATE skold_audithour SET count = 0",
    "UPDATE skold_credentialuse SET last_used_at = now()",
    "DELETE FROM skold_archivedmonth",
    "UPDATE skold_review SET comment = 'x'",
    "DELETE FROM skold_review",
    "DELETE FROM skold_finding",
    "DELETE FROM skold_redaction",
    "DELETE FROM django_migrations",
]


@pytest.mark.parametrize("statement", FORBIDDEN_TO_WEB)
def test_web_processes_change_nothing_in_the_audit(log_in: As, statement: str) -> None:
    with log_in(WEB) as web, pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute(statement)


def test_web_processes_read_the_audit(log_in: As) -> None:
    with log_in(WEB) as web:
        web.execute("SELECT * FROM skold_audit_view").fetchall()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE skold_audit SET client = 'x'",
        "UPDATE skold_audit SET private = '{}'",
        "DELETE FROM skold_audit",
        "TRUNCATE skold_audit",
        "DROP TABLE skold_audit_2026_11",
        "ALTER TABLE skold_audit DISABLE TRIGGER ALL",
        "SELECT skold_audit_put_away('2026-11-01')",
        "INSERT INTO skold_archivedmonth DEFAULT VALUES",
        "SET ROLE skold_audit_archiver",
    ],
)
def test_the_bridge_adds_and_neither_changes_nor_deletes(log_in: As, statement: str) -> None:
    with log_in(BRIDGE) as bridge:
        bridge.execute("SELECT skold_audit_partition('2026-11-01')")
        bridge.execute(INSERT)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            bridge.execute(statement)


def test_the_redactor_empties_private_parts_and_nothing_else(log_in: As) -> None:
    with log_in(BRIDGE) as bridge:
        bridge.execute(INSERT)
        bridge.execute("SET ROLE skold_audit_redactor")
        for statement in (
            "UPDATE skold_audit SET client = 'x' WHERE node = 'role'",
            "UPDATE skold_audit SET body = '' WHERE node = 'role'",
            "UPDATE skold_audit SET private = '{\"end_user\": \"berit\"}' WHERE node = 'role'",
            "DELETE FROM skold_audit WHERE node = 'role'",
            INSERT,
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                bridge.execute(statement)
        emptied = bridge.execute("UPDATE skold_audit SET private = '{}' WHERE node = 'role'")
        assert emptied.rowcount == 1


def test_a_partition_attached_by_hand_is_guarded_too(log_in: As) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE by_hand (LIKE skold_audit INCLUDING DEFAULTS)")
        cursor.execute("GRANT ALL ON by_hand TO test_web")
        cursor.execute(
            "ALTER TABLE skold_audit ATTACH PARTITION by_hand"
            " FOR VALUES FROM ('1990-01-01') TO ('1990-02-01')"
        )
    try:
        with log_in(WEB) as web, pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(
                INSERT.replace("skold_audit ", "by_hand ").replace("2026-11-01", "1990-01-01")
            )
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE by_hand")


def test_the_owner_of_the_tables_changes_no_record_by_a_slip(logins: None) -> None:
    """A deployment with one role: it owns the tables, is a member of all groups, no superuser."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE test_single NOLOGIN")
        try:
            cursor.execute(
                f"GRANT ALL ON skold_audit TO test_single; GRANT {', '.join(GROUPS)} TO test_single"
            )
            cursor.execute("SET ROLE test_single")
            cursor.execute(INSERT)
            for statement in ("UPDATE skold_audit SET client = 'x'", "DELETE FROM skold_audit"):
                with pytest.raises(Exception, match="may not"):
                    cursor.execute(statement)
            cursor.execute("SET ROLE skold_audit_redactor")
            cursor.execute("UPDATE skold_audit SET private = '{}'")
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP OWNED BY test_single; DROP ROLE test_single")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE skold_redaction SET state = 'done'",
        "UPDATE skold_redaction SET asked_by = 'admin:other'",
        "UPDATE skold_redaction SET records = 1",
        'UPDATE skold_redaction SET selector = \'{"end_user": "all"}\'',
    ],
)
def test_web_processes_cannot_rewrite_what_was_asked(log_in: As, statement: str) -> None:
    with log_in(WEB) as web:
        web.execute(
            "INSERT INTO skold_redaction"
            " (kind, selector, reason, state, asked_by, asked_at, decided_by, error)"
            " VALUES ('end_user', '{}', 'case', 'asked', 'admin:b', now(), '', '')"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(statement)


def test_grants_follow_migrations(log_in: As) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE a_new_table (a int)")
    try:
        call_command("migrate", verbosity=0)
        with log_in(WEB) as web:
            web.execute("INSERT INTO a_new_table VALUES (1)")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE a_new_table")


@pytest.mark.parametrize(
    ("command", "user"),
    [
        ("migrate", DatabaseUser.OWNER),
        ("initialise", DatabaseUser.OWNER),
        ("run_bridge", DatabaseUser.BRIDGE),
        ("archive_audit", DatabaseUser.ARCHIVER),
        ("rebuild_catalog", DatabaseUser.WEB),
        ("", DatabaseUser.WEB),
    ],
)
def test_a_command_is_the_user_it_needs(command: str, user: DatabaseUser) -> None:
    try:
        choose(command)
        assert chosen() is user
    finally:
        choose("")


def test_an_administrator_is_told_the_sql_for_each_user() -> None:
    for user, groups in INHERITED.items():
        said = sql_by_hand("somebody", user)
        assert 'CREATE ROLE "somebody" LOGIN' in said
        assert all(f'GRANT {group} TO "somebody"' in said for group in groups)
