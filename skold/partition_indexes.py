"""Indexes of the audit table, made on one partition after the other without blocking the copier.

CREATE INDEX on a partitioned table locks all of it against writing until the last partition has its
index, and cannot be told CONCURRENTLY. So the table's index begins without any (ONLY), each
partition gets its own CONCURRENTLY, and is attached; with the last one the table's index becomes
valid. A month that is made meanwhile gets the index as it is attached. The steps between wait for
transactions of the copier and the copier for them: a moment, since both are short.

Killed anywhere it goes on at the next call: what stands is not made again, and an index that a kill
left invalid is dropped first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TABLE = "skold_audit"
PARTITIONS = """
SELECT child.relname FROM pg_inherits
JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent = %s::regclass ORDER BY child.relname
"""
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
SERVED = """
SELECT EXISTS (SELECT FROM pg_inherits JOIN pg_index ON indexrelid = inhrelid
               WHERE inhparent = %s::regclass AND indrelid = %s::regclass)
"""


@dataclass(frozen=True, slots=True)
class PartitionIndex:
    """`columns` is what stands behind ON in CREATE INDEX: columns in brackets, and a condition."""

    name: str
    columns: str


def build(cursor: Any, index: PartitionIndex, table: str = TABLE) -> Iterator[str]:
    """Make it where it is missing; gives the name of each partition before its turn comes.

    The connection must be in autocommit mode: CONCURRENTLY does not work in a transaction.
    """
    cursor.execute(f"CREATE INDEX IF NOT EXISTS {index.name} ON ONLY {table} {index.columns}")
    cursor.execute(PARTITIONS, [table])
    for (partition,) in cursor.fetchall():
        yield partition
        _build_on(cursor, index, partition)


def drop(cursor: Any, name: str) -> None:
    """Drop the table's index and with it those of the partitions; waits for readers, briefly."""
    cursor.execute(f"DROP INDEX IF EXISTS {name}")


def _build_on(cursor: Any, index: PartitionIndex, partition: str) -> None:
    # A month that was made after the table's index carries a name of PostgreSQL's choice.
    cursor.execute(SERVED, [index.name, partition])
    if cursor.fetchone()[0]:
        return
    own = f"{index.name}_{partition.removeprefix(TABLE + '_')}"
    cursor.execute(VALID, [own])
    valid = cursor.fetchone()
    if valid is not None and not valid[0]:
        cursor.execute(f"DROP INDEX CONCURRENTLY {own}")
    if valid is None or not valid[0]:
        cursor.execute(f"CREATE INDEX CONCURRENTLY {own} ON {partition} {index.columns}")
    cursor.execute(f"ALTER INDEX {index.name} ATTACH PARTITION {own}")
