"""Write-backs leave what the old application would have written, or nothing."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from migrator.legacy.capture import install, remove
from migrator.legacy.changes import ChangeLog
from migrator.legacy.errors import BadKey, Empty, LegacyError, TooLarge, WrongDigest, WrongLength
from migrator.legacy.facts import VersionFacts
from migrator.legacy.reader import LegacyReader
from migrator.legacy.snapshots import connect
from migrator.legacy.writer import ForeignChange, LegacyWriter
from tests.support.legacy import LegacyTables, digest_text

KINDS = [
    ("chunks", "zlib", "chunk", False),
    ("chunks", "zstd", "stream", True),
    ("chunks", "none", "chunk", False),
    ("bytea", "gzip", "stream", True),
    ("large_object", "none", "stream", False),
]
NS = 1_556_938_921_123_456_789


@pytest.fixture(params=KINDS, ids=["-".join(map(str, kind[:3])) for kind in KINDS])
def tables(request: pytest.FixtureRequest, legacy_url: str) -> Iterator[LegacyTables]:
    kind, codec, scope, composite = request.param
    with LegacyTables(
        legacy_url, kind=kind, codec=codec, scope=scope, composite=composite, first=int(composite)
    ) as made:
        install(made.connection, made.description)
        yield made
        remove(made.connection, made.description)


def named(tables: LegacyTables, number: int) -> object:
    return ("é'", number) if tables.composite else number


def facts_of(data: bytes) -> VersionFacts:
    return VersionFacts(
        size=len(data),
        sha256=hashlib.sha256(data).digest(),
        changed_at_ns=NS,
        filename="new.png",
        media_type="image/png",
        data_subject="somebody",
    )


def writer_of(tables: LegacyTables) -> LegacyWriter:
    return LegacyWriter(connect(tables.url), tables.description)


def put(tables: LegacyTables, number: int, data: bytes) -> bool:
    record_id = tables.id(named(tables, number))
    return writer_of(tables).put(record_id, facts_of(data), iter([data[:7], data[7:]]))


@pytest.mark.parametrize("size", [0, 1, 51_200, 51_201, 500_000])
def test_the_old_application_reads_what_was_written_back(tables: LegacyTables, size: int) -> None:
    data = os.urandom(size)
    for number, before in ((1, None), (2, os.urandom(120_000))):
        if before is not None:
            tables.put(named(tables, number), before)
        assert put(tables, number, data)
        assert tables.content(named(tables, number)) == data
        assert tables.facts(named(tables, number)) == {
            "filename": "new.png",
            "mime": "image/png",
            "changed_at": datetime.fromtimestamp(NS // 10**9, UTC).replace(microsecond=123456),
            "owner": None if before is None else "registry",
            "subject": "somebody",
            "size": size,
            "digest": digest_text("md5", data),
        }
        record_id = tables.id(named(tables, number))
        with LegacyReader(connect(tables.url), tables.description).read(record_id) as found:
            assert found is not None
            assert b"".join(found[1]) == data
        assert not put(tables, number, data)


def test_only_own_writes_go_unlogged_and_foreign_changes_stand(tables: LegacyTables) -> None:
    log, writer = ChangeLog(connect(tables.url), "photos"), writer_of(tables)
    record_id = tables.id(named(tables, 1))
    writer.put(record_id, facts_of(b"ours"), [b"ours"], unless_pending=True)
    assert log.status().events == 0
    tables.put(named(tables, 1), b"theirs")
    with pytest.raises(ForeignChange):
        writer.put(record_id, facts_of(b"ours"), [b"ours"], unless_pending=True)
    with pytest.raises(ForeignChange):
        writer.delete(record_id, unless_pending=True)
    assert tables.content(named(tables, 1)) == b"theirs"
    log.remove(log.note(record_id))
    assert writer.put(record_id, facts_of(b"ours"), [b"ours"], unless_pending=True)
    assert tables.content(named(tables, 1)) == b"ours"
    assert log.status().events == 0


def test_delete_leaves_nothing(tables: LegacyTables) -> None:
    count = "SELECT count(*) FROM pg_largeobject_metadata"
    if tables.kind == "chunks":
        count = "SELECT count(*) FROM {chunk}"
    before = tables.execute(count).fetchone()
    writer = writer_of(tables)
    record_id = tables.put(named(tables, 1), b"x" * 100_000)
    assert put(tables, 1, b"y" * 100_000)
    assert writer.delete(record_id)
    assert not writer.delete(record_id)
    assert tables.content(named(tables, 1)) is None
    assert tables.execute(count).fetchone() == before


def test_content_that_is_another_changes_nothing(tables: LegacyTables) -> None:
    writer = writer_of(tables)
    old = os.urandom(120_000)
    record_id = tables.put(named(tables, 1), old)
    before = tables.facts(named(tables, 1))
    broken: list[tuple[type[LegacyError], list[bytes]]] = [
        (WrongLength, [b"shor"]),
        (WrongDigest, [b"othex"]),
    ]
    for error, content in broken:
        with pytest.raises(error):
            writer.put(record_id, facts_of(b"other"), content)
        with pytest.raises(error):
            writer.put(tables.id(named(tables, 2)), facts_of(b"other"), content)
    assert tables.content(named(tables, 1)) == old
    assert tables.facts(named(tables, 1)) == before
    assert tables.facts(named(tables, 2)) is None


def test_a_broken_record_is_written_anew(legacy_url: str) -> None:
    with LegacyTables(legacy_url) as tables:
        tables.put(1, b"x" * 200)
        assert put(tables, 1, b"x" * 200)
        tables.put_chunks(1, [])
        assert put(tables, 1, b"x" * 200)
        assert tables.content(1) == b"x" * 200


def test_what_legacy_cannot_hold_is_refused(legacy_url: str) -> None:
    with LegacyTables(legacy_url, max_size=10, digest_kind=None) as tables:
        writer = writer_of(tables)
        with pytest.raises(TooLarge):
            writer.put(("1",), facts_of(b"x" * 11), [b"x" * 11])
        with pytest.raises(BadKey):
            writer.put(("one",), facts_of(b"x"), [b"x"])
        tables.put(1, b"x")
        with pytest.raises(BadKey):
            writer.put(("01",), facts_of(b"y"), [b"y"])
        records = replace(tables.description.records, length=None)
        mute = replace(tables.description, records=records)
        with pytest.raises(Empty):
            LegacyWriter(connect(tables.url), mute).put(("2",), facts_of(b""), [])


def test_constants_and_other_types_of_columns_are_filled(legacy_url: str) -> None:
    with LegacyTables(legacy_url, digest_kind="crc32") as tables:
        tables.execute(
            "ALTER TABLE {photo} ADD kind text NOT NULL, ALTER digest TYPE integer USING NULL, "
            "ALTER changed_at TYPE timestamp, ALTER size TYPE text"
        )
        records = replace(tables.description.records, time_zone="Europe/Oslo")
        description = replace(tables.description, records=records, insert={"kind": "portrait"})
        tables.description = description
        assert put(tables, 1, b"abc")
        assert not put(tables, 1, b"abc")
        row = tables.execute("SELECT kind, digest, changed_at::text, size FROM {photo}").fetchone()
        assert row == ("portrait", 0x352441C2, "2019-05-04 05:02:01.123456", "3")


def test_a_change_that_commits_meanwhile_is_not_overwritten(legacy_url: str) -> None:
    with LegacyTables(legacy_url, codec="none") as tables:
        record_id = tables.put(1, b"first")

        def content() -> Iterator[bytes]:
            with psycopg.connect(tables.url, autocommit=True, options="-c lock_timeout=200") as app:
                app.execute(f'UPDATE "{tables.schema}".photo_chunk SET data = %b', (b"theirs",))
            yield b"ours"

        with pytest.raises((psycopg.errors.SerializationFailure, psycopg.errors.LockNotAvailable)):
            writer_of(tables).put(record_id, facts_of(b"ours"), content())
