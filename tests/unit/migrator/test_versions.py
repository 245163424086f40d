"""Which SQL which version of PostgreSQL is given."""

import pytest

from migrator.legacy.capture import install_sql, remove_sql
from migrator.legacy.description import Content, Description, Records
from migrator.legacy.horizon import bounds_sql

DESCRIPTION = Description(
    name="photos",
    collection="photos",
    key="{id}",
    records=Records(table='hr."photo', key_columns=("id",)),
    content=Content(kind="chunks", data="d", table="chunk", record_columns=("p",), order="n"),
)


@pytest.mark.parametrize(
    ("version", "call", "transaction"),
    [
        (100_023, "EXECUTE PROCEDURE", "txid_current()"),
        (110_000, "EXECUTE FUNCTION", "txid_current()"),
        (129_999, "EXECUTE FUNCTION", "txid_current()"),
        (130_000, "EXECUTE FUNCTION", "pg_current_xact_id()"),
        (180_000, "EXECUTE FUNCTION", "pg_current_xact_id()"),
    ],
)
def test_capture_uses_what_the_version_knows(version: int, call: str, transaction: str) -> None:
    text = "\n".join(install_sql(DESCRIPTION, version, ["reader"]))
    assert text.count("EXECUTE") == text.count(call) == 4
    assert text.count("txid_current()") + text.count("pg_current_xact_id()") == text.count(
        transaction
    )
    assert text.count("ENABLE ALWAYS TRIGGER") == 4


def test_snapshots_are_asked_for_by_version() -> None:
    assert "txid_current_snapshot()" in bounds_sql(129_999)
    assert "pg_current_snapshot()" in bounds_sql(130_000)


def test_names_are_quoted_and_locks_are_not_waited_for_long() -> None:
    for statements in (install_sql(DESCRIPTION, 180_000, ['r"']), remove_sql(DESCRIPTION)):
        assert statements[0] == "SET LOCAL lock_timeout = '1s'"
        text = "\n".join(statements)
        assert '"hr"."""photo"' in text
        assert "hr.photo" not in text
    assert 'TO "r"""' in "\n".join(install_sql(DESCRIPTION, 180_000, ['r"']))
