"""A legacy database that hangs, dies and comes back: bounded waits, then refusals at once."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import psycopg
import pytest

from contentserver.delivery.fallback import LegacyUnavailable
from migrator.fallback import limits
from migrator.legacy import capture
from tests.support.falling_back import Node, node, put
from tests.support.legacy import LegacyTables, legacy_database
from tests.support.plane import Home
from tests.support.servers import TestPostgres

CONTENT = os.urandom(120_000)
AT_ONCE = 0.2  # seconds; on a busy machine
SOON = limits.IMPORT + 1.5


@pytest.fixture
def tables(own_postgres: TestPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[LegacyTables]:
    # A server that was stopped takes no good-bye.
    with suppress(psycopg.OperationalError), legacy_database(own_postgres.url) as url:
        monkeypatch.setenv("LEGACY_PHOTOS_DSN", url)
        with LegacyTables(url) as made:
            capture.install(made.connection, made.description)
            put(made, 7, CONTENT)
            put(made, 8, CONTENT)
            yield made
            own_postgres.thaw()


def questions(here: Node) -> list[Callable[[], Any]]:
    return [
        lambda: here.fallback.is_pending("photos", "7.jpg"),
        lambda: here.fallback.open("photos", "7.jpg"),
        lambda: here.fallback.bring("photos", "8.jpg"),
    ]


async def refused(ask: Callable[[], Any]) -> float:
    """Seconds until LegacyUnavailable."""
    began = time.monotonic()
    with pytest.raises(LegacyUnavailable):
        await ask()
    return time.monotonic() - began


async def test_a_frozen_database_holds_nobody_for_long_and_nobody_twice(
    home: Home, tables: LegacyTables, own_postgres: TestPostgres
) -> None:
    """Neither where connections lie ready, nor where the first must be made, nor for any one kind
    of question.
    """
    async with AsyncExitStack() as nodes:
        used, fresh, *single = [
            await nodes.enter_async_context(node(home, tables)) for _ in "12345"
        ]
        assert await used.fallback.is_pending("photos", "7.jpg")
        assert await used.fallback.open("photos", "7.jpg") is not None
        own_postgres.freeze()
        asked = [ask for here in (used, fresh) for ask in questions(here) * 20]
        asked += [questions(here)[which] for which, here in enumerate(single)]
        waits = await asyncio.gather(*map(refused, asked))
        assert max(waits) < SOON
        assert max(waits[-3:-1]) < limits.ANSWER + 0.7
        for here in (used, fresh, *single):
            assert here.fallback.breakers() == {"photos": True}
            for ask in questions(here):
                assert await refused(ask) < AT_ONCE
        own_postgres.thaw()
        for here in (used, fresh):
            await until_closed(here)
            for ask in questions(here):
                assert await ask()


async def test_a_dead_database_is_refused_and_then_not_asked_any_more(
    home: Home, tables: LegacyTables, own_postgres: TestPostgres
) -> None:
    async with node(home, tables) as here:
        assert await here.fallback.is_pending("photos", "7.jpg")
        own_postgres.stop()
        for _ in range(limits.FAILURES):
            for ask in questions(here):
                assert await refused(ask) < limits.ANSWER
        assert here.fallback.breakers() == {"photos": True}
        waits = await asyncio.gather(*(refused(ask) for ask in questions(here) * 100))
        assert max(waits) < AT_ONCE


async def until_closed(here: Node) -> None:
    for _ in range(100):
        if here.fallback.breakers() == {"photos": False}:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the breaker does not close")


async def test_a_database_that_was_restarted_is_used_again_without_a_refusal(
    home: Home, tables: LegacyTables, own_postgres: TestPostgres
) -> None:
    """The connections that lay ready are dead; that is seen before a request meets one."""
    async with node(home, tables) as here:
        assert await here.fallback.is_pending("photos", "7.jpg")
        assert await here.fallback.open("photos", "7.jpg") is not None
        with psycopg.connect(own_postgres.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'contentserver data plane'"
            )
        for ask in questions(here):
            assert await ask()
        assert here.fallback.breakers() == {"photos": False}
