"""The tables of the old photo application, and what it does with them.

One row for each photo, its bytes in pieces of 50 KB, each packed with zlib by itself.
"""

import datetime as dt
import hashlib
import zlib
from collections.abc import Iterable
from typing import Any

import psycopg

PIECE = 51_200  # bytes of plaintext
MEDIA_TYPE = "image/png"
TABLES = """
CREATE TABLE IF NOT EXISTS photo (
    id serial PRIMARY KEY,
    filename varchar(200) NOT NULL,
    mime varchar(100) NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    length integer NOT NULL,
    sha256 char(64) NOT NULL
);
CREATE TABLE IF NOT EXISTS photo_chunk (
    photo_id integer NOT NULL REFERENCES photo ON DELETE CASCADE,
    number integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (photo_id, number)
);
"""
Photo = tuple[int, dt.datetime, bytes]
"""Number, time of its last change, content."""


def fill(connection: psycopg.Connection[Any], photos: Iterable[Photo]) -> None:
    """Make the tables and their first rows, all or nothing; leaves rows alone that are there."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(TABLES)
        if cursor.execute("SELECT 1 FROM photo LIMIT 1").fetchone():
            return
        given = list(photos)
        with cursor.copy("COPY photo FROM STDIN") as rows:
            for number, changed_at, content in given:
                rows.write_row((number, *_facts(number, changed_at, content)))
        with cursor.copy("COPY photo_chunk FROM STDIN (FORMAT binary)") as rows:
            rows.set_types(["int4", "int4", "bytea"])
            for number, _changed_at, content in given:
                for place, data in enumerate(_pieces(content)):
                    rows.write_row((number, place, data))
        cursor.execute("SELECT setval('photo_id_seq', (SELECT max(id) FROM photo))")
    connection.execute("ANALYZE photo")
    connection.execute("ANALYZE photo_chunk")


def put(connection: psycopg.Connection[Any], number: int, content: bytes) -> None:
    """Replace a photo, or store a new one, now."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO photo (id, filename, mime, changed_at, length, sha256)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET"
            " filename = excluded.filename, mime = excluded.mime, length = excluded.length,"
            " changed_at = excluded.changed_at, sha256 = excluded.sha256",
            (number, *_facts(number, dt.datetime.now(dt.UTC), content)),
        )
        cursor.execute("DELETE FROM photo_chunk WHERE photo_id = %s", (number,))
        cursor.executemany(
            "INSERT INTO photo_chunk (photo_id, number, data) VALUES (%s, %s, %s)",
            [(number, place, data) for place, data in enumerate(_pieces(content))],
        )


def delete(connection: psycopg.Connection[Any], number: int) -> None:
    connection.execute("DELETE FROM photo WHERE id = %s", (number,))


def numbers(connection: psycopg.Connection[Any]) -> list[int]:
    """The photos there are."""
    return [row[0] for row in connection.execute("SELECT id FROM photo ORDER BY id")]


def filename(number: int) -> str:
    """As the application names what it hands out."""
    return f"person {number}.png"


def _facts(number: int, changed_at: dt.datetime, content: bytes) -> tuple[Any, ...]:
    digest = hashlib.sha256(content).hexdigest()
    return filename(number), MEDIA_TYPE, changed_at, len(content), digest


def _pieces(content: bytes) -> list[bytes]:
    starts = range(0, len(content), PIECE)
    return [zlib.compress(content[start : start + PIECE], 1) for start in starts]
