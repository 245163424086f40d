"""What stands between a source and its migration, found by asking the legacy database.

`check` answers for reading, `check_capture` for the change log. Neither changes anything. A finding
of level error must be put right first; a warning wants a decision; a note is a figure to plan with.
"""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from migrator.legacy import capture
from migrator.legacy.check_content import content_findings
from migrator.legacy.check_tables import table_findings
from migrator.legacy.description import Description
from migrator.legacy.findings import Finding
from migrator.legacy.identifiers import quote_table
from migrator.legacy.reader import LegacyReader
from migrator.legacy.shape import OLDEST, SourceUnfit, load_shape

_NEWEST = 189_999
SAMPLE = 200
"""Records that are read to see whether they can be."""


def check(
    connection: psycopg.Connection[Any],
    description: Description,
    *,
    sample: int = SAMPLE,
    years: bool = True,
) -> list[Finding]:
    """Everything that reading needs. `connection` in autocommit, with the rights of the reader.

    `years`: also from when the records are, for which the record table is read once as a whole.

    Raises psycopg.OperationalError where the connection is lost.
    """
    findings = [*_attempt("server", lambda: server_findings(connection))]
    try:
        shape = load_shape(connection, description)
    except SourceUnfit as unfit:
        return [*findings, _unfit(unfit)]
    except psycopg.errors.InsufficientPrivilege as refused:
        return [*findings, _refused("tables", refused)]
    tables = _attempt("tables", lambda: table_findings(connection, description, shape))
    findings += tables
    if any(finding.level == "error" for finding in tables):
        return findings
    reader = LegacyReader(connection, description, shape=shape)
    return [*findings, *_attempt("content", lambda: content_findings(reader, sample, years=years))]


def check_capture(connection: psycopg.Connection[Any], description: Description) -> list[Finding]:
    """Whether triggers can be installed with this connection's role, or what of them is there."""
    return _attempt("capture", lambda: _capture_findings(connection, description))


def server_findings(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    """Version, standby, connection pooler."""
    version = connection.info.server_version
    if version < OLDEST:
        text = f"PostgreSQL {connection.info.parameter_status('server_version')} is below 10"
        yield Finding("warning", "old_version", text, "Try everything with a copy first.")
    elif version > _NEWEST:
        text = f"PostgreSQL {version // 10_000} is newer than what was tested (18)"
        yield Finding("warning", "new_version", text, "Try everything with a copy first.")
    row = connection.execute("SELECT pg_is_in_recovery(), pg_backend_pid()").fetchone()
    assert row is not None
    if row[0]:
        yield Finding(
            "warning",
            "standby",
            "this is a standby: it lags behind, cancels long reads, and takes no triggers",
            "Read from the primary, or set max_standby_streaming_delay and capture there.",
        )
    # A pooler hands out a process number of its own, because cancelling goes through it.
    if row[1] != connection.info.backend_pid:
        yield Finding(
            "warning",
            "pooler",
            "a connection pooler stands between",
            "Pooling by session or by transaction works, by statement does not. Installing "
            "triggers goes to PostgreSQL itself.",
        )


def _capture_findings(
    connection: psycopg.Connection[Any], description: Description
) -> Iterator[Finding]:
    found = capture.status(connection, description)
    if found.is_complete:
        yield Finding("note", "capture_installed", "every change is logged")
        return
    for name in found.disabled:
        way_out = "Run legacy_capture install again."
        yield Finding("error", "capture_disabled", f"the trigger {name} is disabled", way_out)
    for name in found.outdated:
        text = f"the function {name} is not the one of this description"
        yield Finding("error", "capture_outdated", text, "Run legacy_capture install again.")
    tables = [description.records.table, description.content.table]
    for table in filter(None, tables):
        yield from _may_capture(connection, table)


def _may_capture(connection: psycopg.Connection[Any], table: str) -> Iterator[Finding]:
    row = connection.execute(
        "SELECT pg_has_role(c.relowner, 'USAGE'), c.relkind = 'p' OR EXISTS "
        "(SELECT 1 FROM pg_inherits WHERE inhparent = c.oid), "
        "has_database_privilege(current_database(), 'CREATE') "
        "OR to_regnamespace('contentserver_capture') IS NOT NULL "
        "FROM pg_class c WHERE c.oid = to_regclass(%s)",
        (quote_table(table),),
    ).fetchone()
    if row is None:
        yield Finding("error", "unfit", f"there is no table {table}", "Correct the description.")
        return
    is_owner, is_divided, may_create = row
    if not is_owner:
        yield Finding(
            "error",
            "not_owner",
            f"this role does not own {table} and cannot create triggers that always fire",
            "Capture with the owner's role (LEGACY_<NAME>_CAPTURE_DSN), or by comparison.",
        )
    if is_divided:
        yield Finding(
            "error",
            "divided_table",
            f"{table} has partitions or children: TRUNCATE or writes of one of them fire nothing",
            "Capture by comparison.",
        )
    if not may_create:
        yield Finding(
            "error",
            "no_schema",
            "this role may not create the schema contentserver_capture",
            "GRANT CREATE ON DATABASE to it, or let an administrator create the schema.",
        )


def _attempt(subject: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """A refusal is a finding among the others, not the end of the look."""
    findings: list[Finding] = []
    try:
        findings.extend(look())
    except psycopg.errors.InsufficientPrivilege as refused:
        findings.append(_refused(subject, refused))
    except SourceUnfit as unfit:
        findings.append(_unfit(unfit))
    except psycopg.OperationalError:
        raise
    except psycopg.Error as broken:
        text = f"{subject}: {broken.diag.message_primary or broken}"
        findings.append(Finding("error", "refused", text, "See the log of PostgreSQL."))
    return findings


def _refused(subject: str, refused: psycopg.Error) -> Finding:
    text = f"{subject}: {refused.diag.message_primary}"
    return Finding("error", "no_privilege", text, "GRANT what is missing to the reader's role.")


def _unfit(unfit: SourceUnfit) -> Finding:
    return Finding("error", "unfit", str(unfit), "Correct the description, or GRANT USAGE, SELECT.")
