"""Whether a source has a change log at all."""

from typing import Any

import psycopg

from migrator.legacy.changes import log_table


def log_is_there(connection: psycopg.Connection[Any], source: str) -> bool:
    """False where no trigger is allowed, or before capture was installed. Raises psycopg.Error."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (log_table(source),)).fetchone()
    return row is not None and bool(row[0])
