"""Legacy tables of every kind, as an old application would have made them, and that application."""

import hashlib
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from migrator.legacy.description import (
    Codec,
    Content,
    Description,
    DigestKind,
    Kind,
    RecordId,
    Records,
    Scope,
)
from migrator.legacy.encoding import encode

CHUNK = 51_200
WHEN = datetime(2019, 5, 4, 3, 2, 1, 123456, tzinfo=UTC)


@contextmanager
def legacy_database(server_url: str | None = None) -> Iterator[str]:
    """The URL of a new, empty database on the run's PostgreSQL (or another); dropped at the end."""
    server_url = server_url or os.environ["DATABASE_URL"]
    name = f"legacy_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True, dbname="postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(server_url, dbname=name)
        finally:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))


class LegacyTables:
    """The tables `schema.photo` (and `schema.photo_chunk`), with `description` for them.

    A record's id is a whole number, or with `composite` (text, whole number). Each method that
    writes is one transaction of the old application on a connection of its own; `connection` is
    there for whatever else a test does to the tables, in autocommit.
    """

    def __init__(
        self,
        database: str | psycopg.Connection[Any],
        *,
        name: str = "photos",
        kind: Kind = "chunks",
        codec: Codec = "zlib",
        scope: Scope = "chunk",
        composite: bool = False,
        first: int = 0,
        digest_kind: DigestKind | None = "md5",
        collection: str = "photos",
        schema: str | None = None,
        max_size: int = 2_147_483_648,
        empty_allowed: bool = False,
        create: bool = True,
        declared: bool = True,
    ) -> None:
        """`create`: without it the tables of `schema` are there, made by another like this one.
        `declared`: length and digest are, so content never changes without its record.
        """
        url = database if isinstance(database, str) else database.info.dsn
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True)
        self.schema = schema or f"old_{secrets.token_hex(4)}"
        self.kind, self.codec, self.scope, self.first = kind, codec, scope, first
        self.composite = composite
        self.key_columns = ("person", "number") if composite else ("id",)
        self.description = self._describe(
            name, collection, digest_kind, max_size=max_size, empty_allowed=empty_allowed
        )
        if not declared:
            records = replace(self.description.records, length=None, digest=None, digest_kind=None)
            self.description = replace(self.description, records=records)
        if create:
            self._create()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the tables and end the application's connection."""
        self.execute("DROP SCHEMA {schema} CASCADE")
        self.connection.close()

    def id(self, record: Any) -> RecordId:
        """What the migrator calls this record: 7 -> ("7",), ("ab", 7) -> ("ab", "7")."""
        return tuple(str(value) for value in (record if isinstance(record, tuple) else (record,)))

    def key(self, record: Any) -> str:
        return "-".join(self.id(record)) + ".jpg"

    def execute(self, statement: str, *values: Any) -> psycopg.Cursor[Any]:
        """One statement of the old application; `{schema}`, `{photo}`, `{chunk}` are its tables."""
        return self.connection.execute(self._named(statement), values or None)

    def put(self, record: Any, data: bytes, **facts: Any) -> RecordId:
        """Insert or replace one file, in one transaction. `facts` override what the application
        would write: filename, mime, changed_at, owner, subject, size, digest.
        """
        values = self._facts(record, data) | facts
        with self.connection.transaction():
            self._remove_content(record)
            if self.kind == "bytea":
                values["data"] = self._stored(data)
            elif self.kind == "large_object":
                values["data"] = self.connection.execute(
                    "SELECT lo_from_bytea(0, %b)", (self._stored(data),)
                ).fetchone()[0]
            self._put_row(record, values)
            if self.kind == "chunks":
                chunks = list(encode(self.codec, self.scope, [data], CHUNK)) if data else []
                self._put_chunks(record, chunks)
        return self.id(record)

    def put_chunks(self, record: Any, chunks: list[bytes]) -> None:
        """Replace the stored chunks as they are, in one transaction: for what is broken."""
        with self.connection.transaction():
            self._remove_content(record)
            self._put_chunks(record, chunks)

    def update(self, record: Any, **facts: Any) -> None:
        """Change columns of the record, in one transaction; its content stays."""
        changes = sql.SQL(", ").join(
            sql.SQL("{} = %s").format(sql.Identifier(name)) for name in facts
        )
        statement = self._named("UPDATE {photo} SET ") + changes + self._where(self.key_columns)
        with self.connection.transaction():
            self.connection.execute(statement, (*facts.values(), *self.id(record)))

    def delete(self, record: Any) -> None:
        """Delete one file, in one transaction."""
        with self.connection.transaction():
            self._remove_content(record)
            statement = self._named("DELETE FROM {photo}") + self._where(self.key_columns)
            self.connection.execute(statement, self.id(record))

    def truncate(self) -> None:
        self.execute("TRUNCATE {photo} CASCADE")

    def content(self, record: Any) -> bytes | None:
        """The file as the old application would show it; None without the record."""
        with self.connection.transaction():
            where = self._where(self.key_columns)
            column = "data" if self.kind != "chunks" else "size"
            row = self.connection.execute(
                self._named(f"SELECT {column} FROM {{photo}}") + where, self.id(record)
            ).fetchone()
            if row is None:
                return None
            if self.kind == "bytea":
                return self._plain([row[0]])
            if self.kind == "large_object":
                found = self.connection.execute("SELECT lo_get(%s)", (row[0],)).fetchone()
                return self._plain([found[0]])
            statement = self._named("SELECT data FROM {chunk}") + self._where(self.chunk_columns)
            rows = self.connection.execute(statement + sql.SQL(" ORDER BY n"), self.id(record))
            return self._plain([data for (data,) in rows])

    def facts(self, record: Any) -> dict[str, Any] | None:
        """The columns filename, mime, changed_at, owner, subject, size and digest."""
        names = ("filename", "mime", "changed_at", "owner", "subject", "size", "digest")
        statement = self._named(f"SELECT {', '.join(names)} FROM {{photo}}")
        row = self.connection.execute(
            statement + self._where(self.key_columns), self.id(record)
        ).fetchone()
        return None if row is None else dict(zip(names, row, strict=True))

    @property
    def chunk_columns(self) -> tuple[str, ...]:
        return tuple(f"photo_{name}" for name in self.key_columns)

    def _plain(self, chunks: list[bytes]) -> bytes:
        from migrator.legacy.codecs import ChunksDecoder

        decoder = ChunksDecoder(self.codec, self.scope, 1 << 40)
        plain = []
        for chunk in chunks:
            plain += [*decoder.feed(chunk), *decoder.end_chunk()]
        return b"".join([*plain, *decoder.end()])

    def _stored(self, data: bytes) -> bytes:
        return b"".join(encode(self.codec, "stream", [data], 1 << 40))

    def _facts(self, record: Any, data: bytes) -> dict[str, Any]:
        kind = self.description.records.digest_kind
        return {
            "filename": f"{'-'.join(self.id(record))}.jpg",
            "mime": "image/jpeg",
            "changed_at": WHEN,
            "owner": "registry",
            "subject": f"person-{self.id(record)[0]}",
            "size": len(data),
            "digest": digest_text(kind, data) if kind else None,
        }

    def _put_row(self, record: Any, values: dict[str, Any]) -> None:
        row = dict(zip(self.key_columns, self.id(record), strict=True)) | values
        names = sql.SQL(", ").join(map(sql.Identifier, row))
        marks = sql.SQL(", ").join(
            sql.SQL("%b" if isinstance(value, bytes) else "%s") for value in row.values()
        )
        changes = sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in values
        )
        statement = self._named(
            "INSERT INTO {photo} ({names}) VALUES ({marks}) ON CONFLICT ({keys}) "
            "DO UPDATE SET {changes}",
            names=names,
            marks=marks,
            keys=_names(self.key_columns),
            changes=changes,
        )
        self.connection.execute(statement, tuple(row.values()))

    def _put_chunks(self, record: Any, chunks: list[bytes]) -> None:
        columns = (*self.chunk_columns, "n", "data")
        marks = ", ".join(["%s"] * (len(columns) - 1) + ["%b"])
        statement = self._named(
            "INSERT INTO {chunk} ({names}) VALUES (" + marks + ")", names=_names(columns)
        )
        with self.connection.cursor() as cursor:
            cursor.executemany(
                statement,
                [(*self.id(record), n, data) for n, data in enumerate(chunks, self.first)],
            )

    def _remove_content(self, record: Any) -> None:
        where = self._where(self.key_columns)
        if self.kind == "chunks":
            where = self._where(self.chunk_columns)
            self.connection.execute(self._named("DELETE FROM {chunk}") + where, self.id(record))
        elif self.kind == "large_object":
            statement = self._named("SELECT lo_unlink(data) FROM {photo}") + where
            self.connection.execute(statement, self.id(record))

    def _where(self, columns: tuple[str, ...]) -> sql.Composed:
        tests = [sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns]
        return sql.SQL(" WHERE ") + sql.SQL(" AND ").join(tests)

    def _named(self, statement: str, **more: sql.Composable) -> sql.Composed:
        return sql.SQL(statement).format(
            schema=sql.Identifier(self.schema),
            photo=sql.Identifier(self.schema, "photo"),
            chunk=sql.Identifier(self.schema, "photo_chunk"),
            **more,
        )

    def _create(self) -> None:
        keys = ["person text", "number integer"] if self.composite else ["id bigint"]
        data = {"chunks": "", "bytea": "data bytea,", "large_object": "data oid,"}[self.kind]
        self.execute("CREATE SCHEMA {schema}")
        self.execute(
            f"CREATE TABLE {{photo}} ({', '.join(keys)}, filename text, mime varchar(100), "
            f"changed_at timestamptz DEFAULT now(), owner text, subject text, size integer, {data} "
            f"digest text, PRIMARY KEY ({', '.join(self.key_columns)}))"
        )
        if self.kind != "chunks":
            return
        links = ", ".join(f"photo_{key}" for key in keys)
        columns = ", ".join(self.chunk_columns)
        self.execute(
            f"CREATE TABLE {{chunk}} (id bigserial PRIMARY KEY, {links}, n integer NOT NULL, "
            f"data bytea, FOREIGN KEY ({columns}) REFERENCES {{photo}})"
        )
        self.execute(f"CREATE INDEX ON {{chunk}} ({columns}, n)")

    def _describe(
        self, name: str, collection: str, digest_kind: DigestKind | None, **more: Any
    ) -> Description:
        return Description(
            name=name,
            collection=collection,
            key="-".join(f"{{{column}}}" for column in self.key_columns) + ".jpg",
            records=Records(
                table=f"{self.schema}.photo",
                key_columns=self.key_columns,
                changed_at="changed_at",
                filename="filename",
                media_type="mime",
                owner="owner",
                data_subject="subject",
                length="size",
                digest="digest" if digest_kind else None,
                digest_kind=digest_kind,
            ),
            content=self._content(),
            **more,
        )

    def _content(self) -> Content:
        if self.kind != "chunks":
            return Content(kind=self.kind, data="data", codec=self.codec, scope="stream")
        return Content(
            kind="chunks",
            data="data",
            table=f"{self.schema}.photo_chunk",
            record_columns=self.chunk_columns,
            order="n",
            first=self.first,
            codec=self.codec,
            scope=self.scope,
            chunk_size=CHUNK,
        )


def digest_text(kind: DigestKind, data: bytes) -> str:
    """The digest as an old application keeps it: lower-case hex."""
    if kind == "crc32":
        return f"{zlib.crc32(data):08x}"
    return hashlib.new(kind, data).hexdigest()


def _names(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
