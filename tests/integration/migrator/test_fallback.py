"""The data plane's way to a legacy database that is well."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from contentserver.delivery.fallback import LegacyDamaged, LegacyFile, LegacyUnavailable
from migrator.fallback import limits
from migrator.fallback.pending import PendingChanges
from migrator.legacy import capture
from tests.support.falling_back import Node, node, put, source
from tests.support.legacy import LegacyTables
from tests.support.plane import Home

CONTENT = os.urandom(120_000)
LONG = os.urandom(1 << 20) * 12


@pytest.fixture
def tables(legacy_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LegacyTables]:
    monkeypatch.setenv("LEGACY_PHOTOS_DSN", legacy_url)
    with LegacyTables(legacy_url) as made:
        capture.install(made.connection, made.description)
        yield made
        capture.remove(made.connection, made.description)


@pytest.fixture
async def here(home: Home, tables: LegacyTables) -> AsyncIterator[Node]:
    async with node(home, tables) as made:
        yield made


async def read(file: LegacyFile | None) -> bytes:
    assert file is not None
    if isinstance(file.content, bytes):
        return file.content
    return b"".join([piece async for piece in file.content])


async def test_a_change_is_pending_from_its_commit_until_its_import(
    here: Node, tables: LegacyTables
) -> None:
    assert not await here.fallback.is_pending("photos", "7.jpg")
    put(tables, 7, CONTENT)
    assert await here.fallback.is_pending("photos", "7.jpg")
    assert not await here.fallback.is_pending("photos", "8.jpg")
    assert await here.fallback.bring("photos", "7.jpg")
    assert not await here.fallback.is_pending("photos", "7.jpg")
    tables.truncate()
    assert await here.fallback.is_pending("photos", "8.jpg"), "a TRUNCATE is about every file"


async def test_a_short_file_comes_whole_with_all_its_facts(
    here: Node, tables: LegacyTables
) -> None:
    put(tables, 7, CONTENT, filename="Anna.jpg")
    file = await here.fallback.open("photos", "7.jpg")
    assert file is not None
    assert file.content == CONTENT
    assert (file.size, file.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).digest())
    assert (file.media_type, file.filename, file.data_subject) == (
        *("image/jpeg", "Anna.jpg", "person-7"),
    )
    assert file.modified_ns is not None
    assert await here.fallback.open("photos", "8.jpg") is None


@pytest.mark.parametrize("key", ["007.jpg", "7.png", "+7.jpg", "x.jpg", " 7.jpg"])
async def test_another_spelling_of_a_key_is_no_record(
    here: Node, tables: LegacyTables, key: str
) -> None:
    put(tables, 7, CONTENT)
    assert not await here.fallback.is_pending("photos", key)
    assert await here.fallback.open("photos", key) is None
    assert not await here.fallback.bring("photos", key)
    assert here.store.list_versions("photos", key) == []


async def test_a_broken_record_is_damage_not_absence(here: Node, tables: LegacyTables) -> None:
    put(tables, 7, CONTENT)
    tables.execute("DELETE FROM {chunk} WHERE n = 1")
    with pytest.raises(LegacyDamaged, match="chunk_missing"):
        await here.fallback.open("photos", "7.jpg")
    with pytest.raises(LegacyDamaged, match="chunk_missing"):
        await here.fallback.bring("photos", "7.jpg")
    assert await here.fallback.is_pending("photos", "7.jpg")


async def test_a_long_file_comes_as_a_stream_and_gives_its_slot_back(
    here: Node, tables: LegacyTables
) -> None:
    put(tables, 7, LONG)
    for _ in range(limits.READS + 1):
        file = await here.fallback.open("photos", "7.jpg")
        assert file is not None
        assert not isinstance(file.content, bytes)
        assert file.size == len(LONG)
        assert await read(file) == LONG
    for _ in range(limits.READS + 1):
        file = await here.fallback.open("photos", "7.jpg")
        assert file is not None
        assert len(await anext(file.content)) > 0
        await file.content.aclose()


async def test_long_files_never_take_all_slots(here: Node, tables: LegacyTables) -> None:
    put(tables, 7, LONG)
    put(tables, 8, CONTENT)
    streams = [await here.fallback.open("photos", "7.jpg") for _ in range(limits.STREAMS)]
    with pytest.raises(LegacyUnavailable):
        await here.fallback.open("photos", "7.jpg")
    assert await read(await here.fallback.open("photos", "8.jpg")) == CONTENT
    for file in streams:
        await file.content.aclose()
    assert await read(await here.fallback.open("photos", "7.jpg")) == LONG


async def test_damage_at_the_end_of_a_long_file_is_never_a_clean_end(
    here: Node, tables: LegacyTables
) -> None:
    put(tables, 7, LONG, digest="0" * 32)
    file = await here.fallback.open("photos", "7.jpg")
    with pytest.raises(LegacyDamaged, match="wrong_digest"):
        await read(file)


async def test_a_taker_that_stalls_loses_the_stream_and_the_slot(
    here: Node, tables: LegacyTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STALL", 0.1)
    put(tables, 7, LONG)
    file = await here.fallback.open("photos", "7.jpg")
    assert file is not None
    await asyncio.sleep(0.4)
    with pytest.raises(LegacyUnavailable):
        await anext(file.content)
    held = tables.connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'contentserver data plane' "
        "AND state LIKE 'idle in transaction%'"
    ).fetchone()
    assert held == (0,)


async def test_what_stands_is_not_brought_again(here: Node, tables: LegacyTables) -> None:
    put(tables, 7, CONTENT)
    assert await here.fallback.bring("photos", "7.jpg")
    put(tables, 7, b"newer")
    assert await here.fallback.bring("photos", "7.jpg")
    with here.store.open_latest("photos", "7.jpg") as stored:
        assert stored.read(0, stored.size) == CONTENT
    assert await here.fallback.is_pending("photos", "7.jpg")
    assert not await here.fallback.bring("photos", "8.jpg")


async def test_lookups_that_wait_share_a_question(
    here: Node, tables: LegacyTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tables, 3, CONTENT)
    asked: list[int] = []
    ask = PendingChanges.ask

    async def count(pending, records):
        asked.append(len(records))
        return await ask(pending, records)

    monkeypatch.setattr(PendingChanges, "ask", count)
    found = await asyncio.gather(
        *(here.fallback.is_pending("photos", f"{n % 100}.jpg") for n in range(500))
    )
    assert [n for n in range(100) if found[n]] == [3]
    assert len(asked) <= 3
    assert sum(asked) <= 200


async def test_a_source_that_stays_keeps_its_connections_and_one_that_goes_ends_them(
    here: Node, tables: LegacyTables
) -> None:
    put(tables, 7, LONG)
    await here.fallback.is_pending("photos", "7.jpg")
    file = await here.fallback.open("photos", "7.jpg")
    before = connections(tables)
    assert before
    here.fallback.describe([source(tables, mode="shadow")])
    await here.fallback.is_pending("photos", "7.jpg")
    assert connections(tables) == before
    here.fallback.describe([])
    with pytest.raises(LegacyUnavailable):
        await here.fallback.is_pending("photos", "7.jpg")
    assert await read(file) == LONG, "who is at it comes to his end"
    for _ in range(50):
        if not connections(tables):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"still connected: {connections(tables)}")


def connections(tables: LegacyTables) -> set[int]:
    rows = tables.connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'contentserver data plane'"
    )
    return {pid for (pid,) in rows}


async def test_without_an_address_the_log_names_the_way_out_once(
    here: Node, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("LEGACY_PHOTOS_DSN")
    for ask in (here.fallback.is_pending, here.fallback.open, here.fallback.bring):
        with pytest.raises(LegacyUnavailable):
            await ask("photos", "7.jpg")
    (line,) = [record for record in caplog.records if record.name.startswith("migrator")]
    assert "LEGACY_PHOTOS_DSN" in line.problem
    assert "photos.dsn" in line.problem
