"""The reader gives every file as the old application wrote it, or an error with a name."""

import os
import zlib
from collections.abc import Iterator

import pytest

from migrator.legacy.errors import LegacyError
from migrator.legacy.reader import LegacyReader
from migrator.legacy.records import ReadAlone
from migrator.legacy.snapshots import connect
from tests.support.legacy import WHEN, LegacyTables

KINDS = [
    ("chunks", "zlib", "chunk", False),
    ("chunks", "zlib", "stream", True),
    ("chunks", "none", "chunk", False),
    ("chunks", "gzip", "stream", False),
    ("chunks", "deflate", "chunk", True),
    ("chunks", "zstd", "chunk", False),
    ("bytea", "none", "stream", False),
    ("bytea", "bz2", "stream", True),
    ("large_object", "none", "stream", False),
    ("large_object", "lzma", "stream", True),
]
FILES = [b"x", os.urandom(50_000), b"text " * 40_000, os.urandom(51_200), b"", os.urandom(170_001)]


def named(record: int, composite: bool) -> object:
    return ("a'b\"c\\d, é", record) if composite else record


@pytest.fixture(params=KINDS, ids=["-".join(map(str, kind[:3])) for kind in KINDS])
def tables(request: pytest.FixtureRequest, legacy_url: str) -> Iterator[LegacyTables]:
    kind, codec, scope, composite = request.param
    with LegacyTables(
        legacy_url, kind=kind, codec=codec, scope=scope, composite=composite, first=int(composite)
    ) as made:
        yield made


def reader_of(tables: LegacyTables) -> LegacyReader:
    return LegacyReader(connect(tables.url), tables.description)


def whole(reader: LegacyReader, record_id: tuple[str, ...]) -> bytes | None:
    with reader.read(record_id) as found:
        return None if found is None else b"".join(found[1])


def test_every_kind_gives_every_file_alone_and_in_a_batch(tables: LegacyTables) -> None:
    ids = [tables.put(named(n, tables.composite), data) for n, data in enumerate(FILES)]
    absent = tables.id(named(99, tables.composite))
    reader = reader_of(tables)
    assert [whole(reader, record_id) for record_id in ids] == FILES
    assert whole(reader, absent) is None
    found = list(reader.read_many([*ids[::-1], absent, ids[0]]))
    assert [(record_id, data) for record_id, _, data in found] == [
        *zip(ids[::-1], FILES[::-1], strict=True),
        (absent, None),
    ]
    assert found[0][1] == reader.find(ids[-1])
    assert reader.find(absent) is None
    assert sorted(reader.ids_after(None, 100)) == sorted(ids)


def test_a_long_file_is_streamed_in_short_pieces(tables: LegacyTables) -> None:
    data = os.urandom(1 << 20) * 11
    record_id = tables.put(named(1, tables.composite), data)
    reader = reader_of(tables)
    [(_, record, found)] = reader.read_many([record_id])
    assert record is not None
    assert isinstance(found, ReadAlone)
    with reader.read(record_id) as opened:
        assert opened is not None
        pieces = list(opened[1])
    assert max(map(len, pieces)) <= 1 << 20
    assert b"".join(pieces) == data


def test_the_record_says_what_the_columns_hold(legacy_url: str) -> None:
    with LegacyTables(legacy_url) as tables:
        tables.put(7, b"abc")
        record = reader_of(tables).find(("7",))
    assert record is not None
    assert (record.key, record.filename, record.media_type) == ("7.jpg", "7.jpg", "image/jpeg")
    assert record.changed_at_ns == int(WHEN.timestamp()) * 10**9 + 123_456_000
    assert (record.owner, record.data_subject, record.length) == ("registry", "person-7", 3)
    assert record.digest == ("md5", bytes.fromhex("900150983cd24fb0d6963f7d28e17f72"))


def errors(reader: LegacyReader, record_id: tuple[str, ...]) -> set[str]:
    """The names of the error alone and in a batch: one, or something is wrong."""
    [(_, _, found)] = reader.read_many([record_id])
    assert isinstance(found, LegacyError), found
    with pytest.raises(LegacyError) as raised:
        whole(reader, record_id)
    return {raised.value.name, found.name}


def test_chunks_are_read_in_their_order_however_they_lie(legacy_url: str) -> None:
    content = b"a" * 60_000 + b"b" * 60_000 + b"c" * 30_000
    with LegacyTables(legacy_url, digest_kind=None) as tables:
        record_id = tables.put(1, content)
        # A row that is written again lies behind the others, and in the index too.
        tables.execute("UPDATE {chunk} SET id = id + 100 WHERE n = 0")
        lying = tables.execute("SELECT n FROM {chunk} ORDER BY ctid").fetchall()
        assert lying == [(1,), (2,), (0,)]
        assert whole(reader_of(tables), record_id) == content
        [(_, _, data)] = reader_of(tables).read_many([record_id])
        assert data == content


SOUND = [zlib.compress(b"a" * 50), zlib.compress(b"b" * 50), zlib.compress(b"c" * 50)]
BROKEN = {
    "torn": [SOUND[0], SOUND[1], SOUND[2][:-3]],
    "trailing_data": [SOUND[0], SOUND[1] + b"x", SOUND[2]],
    "unreadable": [SOUND[0], b"nonsense", SOUND[2]],
    "wrong_length": [SOUND[0], SOUND[1]],
    "wrong_digest": [SOUND[0], SOUND[2], SOUND[1]],
    "empty": [],
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_content_has_a_name(name: str, legacy_url: str) -> None:
    with LegacyTables(legacy_url) as tables:
        record_id = tables.put(1, b"a" * 50 + b"b" * 50 + b"c" * 50)
        tables.put_chunks(1, BROKEN[name])
        assert errors(reader_of(tables), record_id) == {name}


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("chunk_missing", "DELETE FROM {chunk} WHERE n = 1"),
        ("chunk_missing", "DELETE FROM {chunk} WHERE n = 0"),
        ("chunk_missing", "UPDATE {chunk} SET data = NULL WHERE n = 2"),
        ("chunk_doubled", "UPDATE {chunk} SET n = 1 WHERE n = 2"),
        ("torn", "UPDATE {chunk} SET data = '' WHERE n = 1"),
        ("wrong_length", "UPDATE {photo} SET size = 4"),
        ("bad_fact", "UPDATE {photo} SET size = -1"),
        ("bad_fact", "UPDATE {photo} SET digest = 'none'"),
        ("wrong_digest", "UPDATE {photo} SET digest = md5('other')"),
    ],
)
def test_broken_rows_have_a_name(name: str, statement: str, legacy_url: str) -> None:
    with LegacyTables(legacy_url) as tables:
        record_id = tables.put(1, os.urandom(150_000))
        tables.execute(statement)
        assert errors(reader_of(tables), record_id) == {name}


@pytest.mark.parametrize("time", ["2099-01-01", "1969-12-31", "infinity"])
def test_a_file_of_an_implausible_time_is_read_and_says_so(time: str, legacy_url: str) -> None:
    with LegacyTables(legacy_url) as tables:
        record_id = tables.put(1, b"shown by the old application all the same")
        tables.execute(f"UPDATE {{photo}} SET changed_at = '{time}'")
        with reader_of(tables).read(record_id) as found:
            assert found is not None
            record, pieces = found
            assert b"".join(pieces) == b"shown by the old application all the same"
        assert record.changed_at_ns is None
        assert (record.implausible_time or "").startswith(time)


def test_a_large_object_that_is_gone_is_an_error(legacy_url: str) -> None:
    with LegacyTables(legacy_url, kind="large_object", codec="none") as tables:
        record_id = tables.put(1, b"abc")
        tables.execute("SELECT lo_unlink(data) FROM {photo}")
        assert errors(reader_of(tables), record_id) == {"object_missing"}


def test_a_bomb_is_refused_by_its_size(legacy_url: str) -> None:
    with LegacyTables(legacy_url, digest_kind=None, max_size=3_000_000) as tables:
        record_id = tables.put(1, bytes(3_000_001), size=None)
        assert errors(reader_of(tables), record_id) == {"too_large"}


def test_a_key_that_does_not_lead_back_is_an_error(legacy_url: str) -> None:
    with LegacyTables(legacy_url, composite=True) as tables:
        record_id = tables.put(("a-b", 1), b"abc")
        assert errors(reader_of(tables), record_id) == {"bad_key"}


def test_only_the_spelling_of_postgresql_finds_a_record(legacy_url: str) -> None:
    with LegacyTables(legacy_url) as tables:
        tables.put(7, b"abc")
        reader = reader_of(tables)
        for other in ("007", " 7", "seven", "99999999999999999999"):
            assert reader.find((other,)) is None
        found = list(reader.read_many([("007",), ("7",), ("seven",)]))
        assert [data for _, _, data in found] == [None, b"abc", None]
        assert [reader.normalise((text,)) for text in ("007", "x", "8")] == [("7",), None, ("8",)]


def test_ids_come_page_by_page_from_the_index_alone(legacy_url: str) -> None:
    with LegacyTables(legacy_url, composite=True) as tables:
        tables.execute(
            "INSERT INTO {photo} (person, number) SELECT 'p' || n % 10, n FROM "
            "generate_series(1, 3000) n"
        )
        tables.execute("VACUUM ANALYZE {photo}")
        reader = reader_of(tables)
        seen: list[tuple[str, ...]] = []
        while page := reader.ids_after(seen[-1] if seen else None, 700):
            seen += page
        assert len(seen) == len(set(seen)) == 3000
        assert reader.estimate() == 3000
        plan = reader.connection.execute("EXPLAIN " + reader._sql.ids_after, (*seen[5], 50))
        assert "Index Only Scan" in "".join(line for (line,) in plan)


def test_a_file_is_read_as_it_was_at_one_moment(legacy_url: str) -> None:
    old, new = os.urandom(30_000_000), os.urandom(9_000_000)
    with LegacyTables(legacy_url, codec="none") as tables:
        record_id = tables.put(1, old)
        reader = reader_of(tables)
        with reader.read(record_id) as opened:
            assert opened is not None
            first = next(opened[1])
            tables.put(1, new)
            assert first + b"".join(opened[1]) == old
        assert whole(reader, record_id) == new
