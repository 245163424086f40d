"""Statements that read the audit in the order of an index, and end in time.

PostgreSQL guesses how many rows a condition leaves, and what guesses is sometimes wrong. Here a
wrong guess may cost a second, never minutes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

IN_ORDER = ("enable_sort", "enable_bitmapscan")
"""Off where an index gives the order: then a page is never sorted out of all rows that match."""
NEVER = ("enable_seqscan", "jit")
"""A whole partition is never worth reading for a page; compiling takes longer than a page may."""


class TookTooLong(Exception):
    """The statement was ended because its time was over."""


@contextmanager
def bounded(seconds: float, *, in_order: bool) -> Iterator[None]:
    """Statements within take this long at most. `in_order`: they are read from one index.

    Raises TookTooLong; then nothing that was read counts.
    """
    outer = connection.in_atomic_block
    off = (*NEVER, *IN_ORDER) if in_order else NEVER
    settings = {
        "statement_timeout": f"{max(1, int(seconds * 1000))}ms",
        "max_parallel_workers_per_gather": "0",
        **dict.fromkeys(off, "off"),
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
            pairs = [text for pair in settings.items() for text in pair]
            cursor.execute(f"SELECT {calls}", pairs)
            yield
            if outer:  # the settings would hold to the end of the caller's transaction
                for name in settings:
                    cursor.execute(f"SET LOCAL {name} TO DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TookTooLong from error
        raise
