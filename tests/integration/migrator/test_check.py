"""The check names what would stop a migration, and gives the figures to plan with."""

from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from migrator.legacy.capture import install, remove
from migrator.legacy.check import check, check_capture
from migrator.legacy.snapshots import connect
from tests.support.legacy import LegacyTables


def names(tables: LegacyTables) -> dict[str, str]:
    return {found.name: found.level for found in check(connect(tables.url), tables.description)}


@pytest.mark.parametrize("kind", ["chunks", "bytea", "large_object"])
def test_sound_tables_give_figures_alone(kind: str, legacy_url: str) -> None:
    with LegacyTables(legacy_url, kind=kind, composite=kind == "bytea", scope="stream") as tables:
        for number in range(30):
            record = ("p", number) if tables.composite else number
            tables.put(record, b"x" * (1000 + number), changed_at=f"{1990 + number}-06-01")
        found = check(connect(tables.url), tables.description)
    assert [(note.level, note.name) for note in found] == [
        ("note", "records"),
        ("note", "years"),
        ("note", "sample"),
    ]
    texts = [note.text for note in found]
    assert "30" in texts[0]
    assert texts[1] == "years 1990 to 2019"
    assert texts[2] == "30 of 30 records were read; the median is 1014 bytes"


@pytest.mark.parametrize(
    ("statement", "name", "level"),
    [
        ("ALTER TABLE {chunk} DROP COLUMN n", "unfit", "error"),
        ("DROP TABLE {photo} CASCADE", "unfit", "error"),
        ("ALTER TABLE {photo} DROP CONSTRAINT photo_pkey CASCADE", "no_unique_index", "error"),
        (
            "ALTER TABLE {photo} DROP CONSTRAINT photo_pkey CASCADE, ADD UNIQUE (id, owner)",
            "no_unique_index",
            "error",
        ),
        ("DROP INDEX {schema}.photo_chunk_photo_id_n_idx", "no_chunk_index", "error"),
        ("ALTER TABLE {photo} ALTER changed_at TYPE text", "unusable_type", "error"),
        ("ALTER TABLE {chunk} ALTER data TYPE text USING ''", "unusable_type", "error"),
        (
            "UPDATE {photo} SET changed_at = '2099-01-01' WHERE id = 1",
            "implausible_time",
            "warning",
        ),
        ("UPDATE {photo} SET changed_at = NULL", "no_time", "warning"),
        ("UPDATE {photo} SET mime = 'JPEG image'", "media_types", "warning"),
        ("UPDATE {photo} SET size = 9 WHERE id = 1", "wrong_length", "warning"),
        ("DELETE FROM {chunk}", "empty", "error"),
        ("TRUNCATE {photo} CASCADE", "no_records", "warning"),
    ],
)
def test_what_stops_a_migration_has_a_name(
    statement: str, name: str, level: str, legacy_url: str
) -> None:
    with LegacyTables(legacy_url) as tables:
        tables.put(1, b"abc")
        tables.put(2, b"def")
        tables.execute(statement)
        assert names(tables).get(name) == level


def test_keys_that_do_not_lead_back_are_found(legacy_url: str) -> None:
    with LegacyTables(legacy_url, composite=True) as tables:
        tables.put(("a-b", 1), b"abc")
        tables.put(("a", 1), b"abc")
        assert names(tables)["bad_key"] == "error"


def test_shared_large_objects_are_found(legacy_url: str) -> None:
    with LegacyTables(legacy_url, kind="large_object", codec="none") as tables:
        tables.put(1, b"abc")
        tables.put(2, b"abc")
        tables.execute("UPDATE {photo} SET data = (SELECT max(data) FROM {photo})")
        assert names(tables)["shared_objects"] == "error"


def test_a_role_without_privileges_is_told_which_are_missing(legacy_url: str) -> None:
    with LegacyTables(legacy_url) as tables:
        tables.put(1, b"abc")
        tables.execute("DROP ROLE IF EXISTS check_reader")
        tables.execute("CREATE ROLE check_reader LOGIN")
        try:
            url = make_conninfo(tables.url, user="check_reader")
            try:
                connection = connect(url)
            except psycopg.OperationalError:  # where local connections ask for the system's user
                connection = connect(tables.url)
                connection.execute("SET ROLE check_reader")
            found = {finding.name for finding in check(connection, tables.description)}
            assert found == {"unfit"}
            tables.execute("GRANT USAGE ON SCHEMA {schema} TO check_reader")
            found = {finding.name for finding in check(connection, tables.description)}
            assert "no_privilege" in found
            tables.execute("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO check_reader")
            found = {finding.name for finding in check(connection, tables.description)}
            assert found == {"records", "years", "sample"}
            refused = {finding.name for finding in check_capture(connection, tables.description)}
            assert "not_owner" in refused
            tables.execute("ALTER TABLE {photo} ENABLE ROW LEVEL SECURITY")
            found = {finding.name for finding in check(connection, tables.description)}
            assert "row_security" in found
        finally:
            connection.close()
            tables.execute("DROP OWNED BY check_reader")
            tables.execute("DROP ROLE check_reader")


def test_capture_is_checked_for_what_it_needs(legacy_url: str) -> None:
    with LegacyTables(legacy_url, name="checked") as tables:
        connection = connect(tables.url)
        assert check_capture(connection, tables.description) == []
        install(connection, tables.description)
        assert [found.name for found in check_capture(connection, tables.description)] == [
            "capture_installed"
        ]
        tables.execute("ALTER TABLE {photo} DISABLE TRIGGER USER")
        found = {finding.name for finding in check_capture(connection, tables.description)}
        assert found == {"capture_disabled"}
        remove(connection, tables.description)
        tables.execute("CREATE TABLE {schema}.more () INHERITS ({photo})")
        found = {finding.name for finding in check_capture(connection, tables.description)}
        assert found == {"divided_table"}


def test_a_description_of_no_table_is_unfit(legacy_url: str) -> None:
    with LegacyTables(legacy_url) as tables:
        records = replace(tables.description.records, table="nowhere.photo")
        tables.description = replace(tables.description, records=records)
        assert names(tables) == {"unfit": "error"}
