"""Every change of a source is in the log when it can be seen, and our own write-backs are not."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from migrator.legacy.capture import install, remove, status
from migrator.legacy.changes import ChangeLog, log_table, pending_sql
from migrator.legacy.horizon import begin_mark, has_passed, horizon
from migrator.legacy.snapshots import connect
from tests.support.legacy import LegacyTables
from tests.support.records import until

OTHERS = 90.0
"""Seconds that a transaction of another test on the same server may last: xmin is the server's."""


@pytest.fixture(params=[False, True], ids=["one", "composite"])
def tables(request: pytest.FixtureRequest, legacy_url: str) -> Iterator[LegacyTables]:
    with LegacyTables(legacy_url, composite=request.param, name="old-photos") as made:
        install(made.connection, made.description)
        yield made
        remove(made.connection, made.description)


def named(tables: LegacyTables, number: int) -> object:
    return ('p"\\,{}', number) if tables.composite else number


def log_of(tables: LegacyTables) -> ChangeLog:
    return ChangeLog(connect(tables.url), "old-photos")


def taken(log: ChangeLog) -> set[tuple[str, ...]]:
    """The records with events, which are removed."""
    events = log.note_batch(1000)
    log.remove([number for numbers in events.values() for number in numbers])
    return set(events)


def test_every_way_to_change_a_file_is_logged_once(tables: LegacyTables) -> None:
    log = log_of(tables)
    first, second = named(tables, 1), named(tables, 2)
    assert taken(log) == set()
    record_id = tables.put(first, b"x" * 200_000)
    assert list(log.note_batch(10)) == [record_id]
    assert len(log.note(record_id)) == 1
    assert taken(log) == {record_id}
    tables.update(first, filename="other.jpg")
    assert taken(log) == {record_id}
    tables.execute("UPDATE {chunk} SET data = data WHERE n = 0")
    assert taken(log) == {record_id}
    tables.execute("DELETE FROM {chunk} WHERE n = 0")
    assert taken(log) == {record_id}
    other = tables.put(second, b"y")
    assert taken(log) == {other}
    column = tables.chunk_columns[-1]
    tables.execute(f"UPDATE {{chunk}} SET {column} = 2, n = n + 10 WHERE {column} = 1")
    assert taken(log) == {record_id, other}
    tables.delete(second)
    assert taken(log) == {other}


def test_truncate_makes_everything_pending(tables: LegacyTables) -> None:
    log = log_of(tables)
    ids = [tables.id(named(tables, number)) for number in (1, 2)]
    assert log.pending(ids) == set()
    assert log.note_all() == []
    tables.truncate()
    assert log.pending(ids) == set(ids)
    events = log.note_all()
    assert len(events) == 2  # of both tables
    assert log.status().events == 2
    assert log.remove(events) == 2
    assert log.pending(ids) == set()
    assert log.status() == (0, None)


def test_pending_names_exactly_the_changed(tables: LegacyTables) -> None:
    log = log_of(tables)
    changed = tables.put(named(tables, 1), b"x")
    still = tables.id(named(tables, 2))
    assert log.pending([changed, still]) == {changed}
    assert log.note_many([changed, still]) == {changed: log.note(changed)}
    connection = connect(tables.url)
    statement = pending_sql("old-photos")
    assert connection.execute(statement, (list(changed),)).fetchone() == (True,)
    assert connection.execute(statement, (list(still),)).fetchone() == (False,)


def test_own_writes_are_not_logged(tables: LegacyTables) -> None:
    log = log_of(tables)
    with tables.connection.transaction():
        tables.connection.execute("SET LOCAL contentserver.writeback = 'old-photos'")
        tables.put(named(tables, 1), b"x")
        tables.truncate()
    assert log.status().events == 0
    with tables.connection.transaction():
        tables.connection.execute("SET LOCAL contentserver.writeback = 'another'")
        tables.put(named(tables, 1), b"x")
    assert log.status().events == 1


def test_what_is_rolled_back_leaves_no_event(tables: LegacyTables) -> None:
    log = log_of(tables)
    record_id = tables.id(named(tables, 1))
    with tables.connection.transaction():
        with tables.connection.transaction() as inner:
            tables.put(named(tables, 1), b"x")
            raise psycopg.Rollback(inner)
        tables.put(named(tables, 1), b"y")
    assert taken(log) == {record_id}
    with tables.connection.transaction() as outer:
        tables.put(named(tables, 2), b"x")
        raise psycopg.Rollback(outer)
    assert taken(log) == set()


def test_a_replicated_change_is_logged_too(tables: LegacyTables) -> None:
    tables.execute("SET session_replication_role = replica")
    record_id = tables.put(named(tables, 1), b"x")
    assert taken(log_of(tables)) == {record_id}


def test_installing_again_changes_nothing_and_status_sees_what_is_missing(
    tables: LegacyTables,
) -> None:
    found = status(tables.connection, tables.description)
    assert found.is_complete
    install(tables.connection, tables.description)
    assert status(tables.connection, tables.description) == found
    name = '"contentserver_old-photos_chunk"'
    tables.execute(f"ALTER TABLE {{chunk}} DISABLE TRIGGER {name}")
    found = status(tables.connection, tables.description)
    assert found.disabled == ("contentserver_old-photos_chunk",)
    tables.execute(f"DROP TRIGGER {name} ON {{chunk}}")
    found = status(tables.connection, tables.description)
    assert found.missing == ("contentserver_old-photos_chunk",)
    assert not found.is_complete
    install(tables.connection, tables.description)
    tables.execute(
        'CREATE OR REPLACE FUNCTION contentserver_capture."old-photos_record"() RETURNS trigger '
        "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
    )
    assert status(tables.connection, tables.description).outdated == ("old-photos_record",)


def test_nothing_is_left_behind(legacy_url: str) -> None:
    with LegacyTables(legacy_url, name="gone") as tables:
        install(tables.connection, tables.description)
        remove(tables.connection, tables.description)
        remove(tables.connection, tables.description)
        left = tables.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'gone%%' UNION ALL "
            "SELECT proname FROM pg_proc WHERE proname LIKE 'gone%%' UNION ALL "
            "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'contentserver_gone%%'"
        )
        assert left.fetchall() == []
        assert not status(tables.connection, tables.description).log


def test_the_application_needs_no_privilege_on_the_log(legacy_url: str) -> None:
    with LegacyTables(legacy_url, name="plain") as tables:
        tables.execute("DROP ROLE IF EXISTS plain_user, plain_reader")
        tables.execute("CREATE ROLE plain_user")
        tables.execute("CREATE ROLE plain_reader")
        try:
            install(tables.connection, tables.description, ["plain_reader"])
            tables.execute("GRANT USAGE ON SCHEMA {schema} TO plain_user, plain_reader")
            tables.execute("GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO plain_user")
            tables.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA {schema} TO plain_user")
            tables.execute("SET ROLE plain_user")
            tables.execute("SET datestyle = 'German'")
            record_id = tables.put(1, b"x")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                tables.execute(f"DELETE FROM {log_table('plain')}")
            assert not status(tables.connection, tables.description).log
            tables.execute("SET ROLE plain_reader")
            assert status(tables.connection, tables.description).log
            assert taken(ChangeLog(tables.connection, "plain")) == {record_id}
        finally:
            tables.execute("RESET ROLE")
            remove(tables.connection, tables.description)
            tables.execute("DROP OWNED BY plain_user, plain_reader")
            tables.execute("DROP ROLE plain_user, plain_reader")


def test_installing_gives_up_rather_than_let_everybody_wait(legacy_url: str) -> None:
    with LegacyTables(legacy_url, name="busy") as tables, psycopg.connect(legacy_url) as writer:
        writer.execute(f'INSERT INTO "{tables.schema}".photo (id) VALUES (1)')
        with pytest.raises(psycopg.errors.LockNotAvailable):
            install(tables.connection, tables.description)


def test_a_late_commit_is_seen_by_the_horizon_and_by_the_next_look(tables: LegacyTables) -> None:
    log = log_of(tables)
    with psycopg.connect(tables.url, application_name="old application") as writer:
        late = tables.id(named(tables, 1))
        columns, marks = ", ".join(tables.key_columns), ", ".join(["%s"] * len(late))
        writer.execute(
            f'INSERT INTO "{tables.schema}".photo ({columns}) VALUES ({marks})',
            late,
        )
        early = tables.put(named(tables, 2), b"x")
        assert taken(log) == {early}
        connection = connect(tables.url)
        mark = begin_mark(connection)
        assert not has_passed(connection, mark)
        [holder] = horizon(connection).holders
        assert (holder.pid, holder.application) == (writer.info.backend_pid, "old application")
        assert holder.age is not None
        writer.commit()
        assert until(lambda: has_passed(connection, mark), OTHERS)
        assert horizon(connection).holders == ()
    assert taken(log) == {late}


def test_whoever_writes_when_nobody_else_has_ended_since_is_waited_for(
    tables: LegacyTables,
) -> None:
    connection = connect(tables.url)
    with psycopg.connect(tables.url) as writer:
        writer.execute("SELECT txid_current()")
        mark = begin_mark(connection)
        assert not has_passed(connection, mark)
        writer.commit()
    assert until(lambda: has_passed(connection, mark), OTHERS)


def test_many_writers_lose_nothing(tables: LegacyTables) -> None:
    def write(worker: int) -> None:
        with psycopg.connect(tables.url, autocommit=True) as connection:
            for turn in range(40):
                name = tables.id(named(tables, worker * 100 + turn))
                columns, marks = ", ".join(tables.key_columns), ", ".join(["%s"] * len(name))
                connection.execute(
                    f'INSERT INTO "{tables.schema}".photo ({columns}) VALUES ({marks})',
                    name,
                )

    log, seen = log_of(tables), set[tuple[str, ...]]()
    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen |= taken(log)
    seen |= taken(log)
    assert len(seen) == 160
