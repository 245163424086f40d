"""Triggers on the legacy database that log every change of a source, and their removal.

They fire for whoever writes (ENABLE ALWAYS, so for replication too), in the writer's transaction:
a change and its event become visible at one moment. Write-backs of ours, which set
`contentserver.writeback` to the source's name, are not logged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from migrator.legacy.changes import SCHEMA, log_table
from migrator.legacy.description import Description
from migrator.legacy.identifiers import literal, quote, quote_table

LOCK_TIMEOUT = "1s"
"""Installing waits so long for a table's lock: everybody who writes waits behind it meanwhile."""

MARKER = "contentserver.writeback"

_PROCEDURE = 110_000  # below this version: EXECUTE PROCEDURE
_XID8 = 130_000  # from this version: pg_current_xact_id()


@dataclass(frozen=True, slots=True)
class CaptureStatus:
    """What was found. `log`: whether the change log is there and may be read and emptied by this
    role. `missing` and `disabled` name triggers, `outdated` functions that do something else than
    the description asks for.
    """

    log: bool
    missing: tuple[str, ...]
    disabled: tuple[str, ...]
    outdated: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        return self.log and not (self.missing or self.disabled or self.outdated)


@dataclass(frozen=True, slots=True)
class _Trigger:
    name: str
    table: str
    function: str
    events: str
    level: str


def install_sql(
    description: Description, server_version: int, roles: Sequence[str] = ()
) -> list[str]:
    """The statements of one transaction that begins to log changes; harmless where it does already.

    From its commit on, every change is logged: creating a trigger waits for all who write. `roles`
    may read and empty the log. Who executes needs to own the tables, and CREATE on the database.
    """
    return [
        f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'",
        *_log_sql(description.name, roles),
        *_function_sql(description, server_version),
        *(text for trigger in _triggers(description) for text in _create(trigger, server_version)),
    ]


def remove_sql(description: Description) -> list[str]:
    """The statements of one transaction that removes triggers, functions and log.

    The schema stays: other sources may use it.
    """
    return [
        f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'",
        *(
            f"DROP TRIGGER IF EXISTS {quote(trigger.name)} ON {quote_table(trigger.table)}"
            for trigger in _triggers(description)
        ),
        *(
            f"DROP FUNCTION IF EXISTS {_function(description.name, part)}()"
            for part in ("record", "chunk", "truncate")
        ),
        f"DROP TABLE IF EXISTS {log_table(description.name)}",
    ]


def install(
    connection: psycopg.Connection[Any], description: Description, roles: Sequence[str] = ()
) -> None:
    """Execute `install_sql` in one transaction. Raises psycopg.errors.LockNotAvailable after
    LOCK_TIMEOUT; to be tried again when the application is less busy.
    """
    with connection.transaction():
        for statement in install_sql(description, connection.info.server_version, roles):
            connection.execute(statement)


def remove(connection: psycopg.Connection[Any], description: Description) -> None:
    """Execute `remove_sql` in one transaction. Raises as `install`."""
    with connection.transaction():
        for statement in remove_sql(description):
            connection.execute(statement)


def status(connection: psycopg.Connection[Any], description: Description) -> CaptureStatus:
    """What is installed and enabled, as far as this role may see."""
    missing, disabled = [], []
    for trigger in _triggers(description):
        row = connection.execute(
            "SELECT t.tgenabled::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE t.tgrelid = to_regclass(%s) "
            "AND t.tgname = %s AND NOT t.tgisinternal "
            "AND n.nspname = %s AND p.proname = %s",
            (quote_table(trigger.table), trigger.name, SCHEMA, trigger.function),
        ).fetchone()
        if row is None:
            missing.append(trigger.name)
        elif row[0] != "A":
            disabled.append(trigger.name)
    return CaptureStatus(
        _log_is_usable(connection, description.name),
        tuple(missing),
        tuple(disabled),
        tuple(_outdated(connection, description)),
    )


def _outdated(connection: psycopg.Connection[Any], description: Description) -> Iterator[str]:
    for part, body in _bodies(description, connection.info.server_version).items():
        function = f"{description.name}_{part}"
        row = connection.execute(
            "SELECT p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname = %s AND p.proname = %s AND p.pronargs = 0",
            (SCHEMA, function),
        ).fetchone()
        if row is not None and row[0] != body:
            yield function


def _log_is_usable(connection: psycopg.Connection[Any], source: str) -> bool:
    row = connection.execute(
        "SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') "
        "AND has_table_privilege(c.oid, 'DELETE') "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s",
        (SCHEMA, f"{source}_changes"),
    ).fetchone()
    return row is not None and bool(row[0])


def _log_sql(source: str, roles: Sequence[str]) -> Iterator[str]:
    table = log_table(source)
    index = quote(f"{source}_changes_record")
    yield f"CREATE SCHEMA IF NOT EXISTS {quote(SCHEMA)}"
    # A queue: vacuum by number of rows, since the table is short when all is well.
    yield (
        f"CREATE TABLE IF NOT EXISTS {table} (id bigserial PRIMARY KEY, "
        "record text[], txid bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp()) "
        "WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)"
    )
    yield f"CREATE INDEX IF NOT EXISTS {index} ON {table} (record)"
    for role in roles:
        yield f"GRANT USAGE ON SCHEMA {quote(SCHEMA)} TO {quote(role)}"
        yield f"GRANT SELECT, DELETE ON {table} TO {quote(role)}"


def _function_sql(description: Description, server_version: int) -> Iterator[str]:
    # As its owner, so that the application's role needs no privilege on the log; with settings of
    # its own, so that a key is the same text whatever the application has set.
    for part, body in _bodies(description, server_version).items():
        yield (
            f"CREATE OR REPLACE FUNCTION {_function(description.name, part)}() RETURNS trigger\n"
            "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp\n"
            f"SET datestyle = 'ISO, YMD' SET timezone = 'UTC' AS $body${body}$body$"
        )


def _bodies(description: Description, server_version: int) -> dict[str, str]:
    """The text of each trigger function, as pg_proc.prosrc keeps it."""
    source, content = description.name, description.content
    transaction = _transaction_id(server_version)
    parts = {"record": _log_rows(source, description.records.key_columns, transaction)}
    if content.kind == "chunks":
        parts["chunk"] = _log_rows(source, content.record_columns, transaction)
    parts["truncate"] = (
        f"INSERT INTO {log_table(source)} (record, txid) VALUES (NULL, {transaction});\n"
    )
    return {
        part: "\nDECLARE changed text[];\nBEGIN\n"
        f"IF current_setting('{MARKER}', true) = {literal(source)} THEN RETURN NULL; END IF;\n"
        f"{logs}RETURN NULL;\nEND\n"
        for part, logs in parts.items()
    }


def _log_rows(source: str, columns: tuple[str, ...], transaction: str) -> str:
    return _log_side(source, columns, transaction, "NEW", "INSERT") + _log_side(
        source, columns, transaction, "OLD", "DELETE"
    )


def _log_side(
    source: str, columns: tuple[str, ...], transaction: str, side: str, operation: str
) -> str:
    table = log_table(source)
    values = ", ".join(f"{side}.{quote(name)}::text" for name in columns)
    return (
        f"IF TG_OP IN ('{operation}', 'UPDATE') THEN\n"
        f"  changed := ARRAY[{values}];\n"
        f"  INSERT INTO {table} (record, txid) SELECT changed, {transaction}\n"
        f"  WHERE array_position(changed, NULL) IS NULL AND NOT EXISTS (\n"
        f"    SELECT 1 FROM {table} WHERE record = changed AND txid = {transaction});\n"
        f"END IF;\n"
    )


def _transaction_id(server_version: int) -> str:
    if server_version < _XID8:
        return "txid_current()"
    return "pg_current_xact_id()::text::bigint"


def _function(source: str, part: str) -> str:
    return f"{quote(SCHEMA)}.{quote(f'{source}_{part}')}"


def _triggers(description: Description) -> list[_Trigger]:
    source, content = description.name, description.content
    tables = {"record": description.records.table}
    if content.table is not None:
        tables["chunk"] = content.table
    triggers = []
    for part, table in tables.items():
        name = f"contentserver_{source}_{part}"
        rows, events = f"{source}_{part}", "INSERT OR UPDATE OR DELETE"
        triggers += [
            _Trigger(name, table, rows, events, "ROW"),
            _Trigger(f"{name}_truncate", table, f"{source}_truncate", "TRUNCATE", "STATEMENT"),
        ]
    return triggers


def _create(trigger: _Trigger, server_version: int) -> Iterator[str]:
    """Without DROP TRIGGER, whose lock would keep out readers as well."""
    call = "PROCEDURE" if server_version < _PROCEDURE else "FUNCTION"
    name, table = quote(trigger.name), quote_table(trigger.table)
    yield (
        f"DO $do$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger "
        f"WHERE tgrelid = to_regclass({literal(table)}) AND tgname = {literal(trigger.name)}) THEN "
        f"CREATE TRIGGER {name} AFTER {trigger.events} ON {table} "
        f"FOR EACH {trigger.level} EXECUTE {call} {quote(SCHEMA)}.{quote(trigger.function)}(); "
        "END IF; END $do$"
    )
    yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
