"""Legacy tables for the migration: chunks of 50 KB, each packed with zlib by itself.

Content as in documents: text between what was compressed before, about half its size when packed,
so that inflating is real work. A few hundred chunks are made and every file has its own sequence of
them: files differ, and filling takes PostgreSQL seconds.
"""

import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from benchmarks.corpus import KIB
from migrator.legacy.description import Content, Description, Records

CHUNK = 50 * KIB
POOL = 211  # a prime: sequences of files differ
_WORDS = 4000
_SCHEMA = """
CREATE TABLE {kind}_record (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    changed timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE {kind}_chunk (
    record_id bigint NOT NULL REFERENCES {kind}_record (id),
    position integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (record_id, position)
);
ALTER TABLE {kind}_chunk ALTER COLUMN data SET STORAGE EXTERNAL;
"""
_RECORDS = """
INSERT INTO {kind}_record (id, name, media_type, size)
SELECT n, 'document ' || n, 'application/octet-stream', %(size)s
FROM generate_series(1, %(files)s) AS n
"""
_LATER = """
ALTER TABLE {kind}_record ALTER COLUMN id SET NOT NULL, ADD PRIMARY KEY (id);
CREATE TABLE {kind}_chunk (
    record_id bigint NOT NULL REFERENCES {kind}_record (id),
    position integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (record_id, position)
)
"""
_CHUNKS = """
INSERT INTO {kind}_chunk (record_id, position, data)
SELECT n, c, pool.data FROM generate_series(1, %(files)s) AS n
CROSS JOIN generate_series(0, %(chunks)s - 1) AS c
JOIN pool ON pool.number = (n + c * (1 + n / %(pool)s)) %% %(pool)s
ORDER BY n, c
"""


def fill(url: str, kind: str, files: int, chunks: int) -> float:
    """Make the tables `<kind>_record` and `<kind>_chunk` with so many files of so many chunks; the
    share of its size that the content takes when it is packed.
    """
    values = {"files": files, "chunks": chunks, "size": chunks * CHUNK, "pool": POOL}
    packed = 0
    with psycopg.connect(url) as connection:
        connection.execute(_SCHEMA.format(kind=kind))
        connection.execute("CREATE TEMPORARY TABLE pool (number integer PRIMARY KEY, data bytea)")
        for number, chunk in enumerate(_chunks()):
            data = zlib.compress(chunk)
            packed += len(data)
            connection.execute("INSERT INTO pool VALUES (%s, %b)", (number, data))
        connection.execute(_RECORDS.format(kind=kind), values)
        connection.execute(_CHUNKS.format(kind=kind), values)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"VACUUM ANALYZE {kind}_record, {kind}_chunk")
        connection.execute("CHECKPOINT")
    return packed / (POOL * CHUNK)


def fill_records(
    url: str,
    kind: str,
    records: int,
    changed_each: int,
    capture: Callable[[psycopg.Connection[Any]], None],
) -> None:
    """Make as many records without content; `capture` installs the triggers, then one of so many
    records is changed.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.transaction():
            connection.execute(
                f"CREATE TABLE {kind}_record (id bigint, name text NOT NULL, "
                "media_type text NOT NULL, size bigint NOT NULL, "
                "changed timestamptz NOT NULL DEFAULT now())"
            )
            connection.execute(_RECORDS.format(kind=kind), {"files": records, "size": CHUNK})
        connection.execute(_LATER.format(kind=kind))
        capture(connection)
        connection.execute(
            f"UPDATE {kind}_record SET size = size + 1 WHERE id %% %s = 0", (changed_each,)
        )
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def describe(kind: str, name: str, collection: str) -> Description:
    """The source `name` over these tables; its keys are nobody else's."""
    return Description(
        name=name,
        collection=collection,
        key=f"{name}/{{id}}.bin",
        records=Records(
            table=f"{kind}_record",
            key_columns=("id",),
            changed_at="changed",
            filename="name",
            media_type="media_type",
            length="size",
        ),
        content=Content(
            kind="chunks",
            table=f"{kind}_chunk",
            record_columns=("record_id",),
            order="position",
            data="data",
            codec="zlib",
            scope="chunk",
        ),
    )


def _chunks() -> Iterator[bytes]:
    """The same ones at every call."""
    chance = random.Random(1)
    letters = "etaoinshrdlucmfw"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 11))) for _ in range(_WORDS)]
    for _ in range(POOL):
        chunk = bytearray()
        while len(chunk) < CHUNK:
            chunk += " ".join(chance.choices(words, k=250)).encode() + chance.randbytes(240)
        yield bytes(chunk[:CHUNK])
