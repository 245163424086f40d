"""A thousand readers of one missing file, in four processes, and one import."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from contentserver import runtime
from migrator.legacy import capture
from skold.journal_reader import WriterReader, iter_writers
from tests.support.falling_back import node, put
from tests.support.legacy import LegacyTables
from tests.support.plane import Home

CONTENT = os.urandom(120_000)
PROCESSES, READERS = 4, 250


@pytest.fixture
def tables(legacy_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LegacyTables]:
    monkeypatch.setenv("LEGACY_PHOTOS_DSN", legacy_url)
    with LegacyTables(legacy_url) as made:
        capture.install(made.connection, made.description)
        yield made
        capture.remove(made.connection, made.description)


def test_a_thousand_readers_of_one_missing_file_cause_one_import(
    home: Home, tables: LegacyTables
) -> None:
    put(tables, 7, CONTENT)
    start, go = os.pipe()
    children = [_reader(home, tables, start, go) for _ in range(PROCESSES)]
    os.close(start)
    os.close(go)  # the end of the pipe lets all go
    for pid, answer in children:
        with os.fdopen(answer) as pipe:
            assert json.load(pipe) == [True] * READERS
        os.waitpid(pid, 0)
    config = home.config
    keyset = runtime.data_keyset(config)
    store = runtime.open_store(config, keyset, runtime.layout_file(config, keyset))
    assert len(store.list_versions("photos", "7.jpg")) == 1
    assert store.open_latest("photos", "7.jpg").read(0, 200_000) == CONTENT
    store.close()
    assert [fields["action"] for fields in _requests(config.journal_dirs[0])] == ["commit"]


def _reader(home: Home, tables: LegacyTables, start: int, go: int) -> tuple[int, int]:
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    try:
        os.close(go)
        with os.fdopen(write, "w") as pipe:
            json.dump(asyncio.run(_crowd(home, tables, start)), pipe)
    finally:
        os._exit(0)


async def _crowd(home: Home, tables: LegacyTables, start: int) -> list[bool]:
    async with node(home, tables) as here:
        os.read(start, 1)
        return await asyncio.gather(
            *(here.fallback.bring("photos", "7.jpg") for _ in range(READERS))
        )


def _requests(folder: Path) -> list[dict[str, object]]:
    found = []
    for writer in iter_writers(folder):
        reader = WriterReader(folder, writer)
        while frames := reader.read():
            found += [frame.fields for frame in frames if frame.fields["kind"] == "req"]
    return found
