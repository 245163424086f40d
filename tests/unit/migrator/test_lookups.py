"""Lookups that wait are asked together, and none by a question that began before it came."""

import asyncio
from collections.abc import Collection

import pytest

from contentserver.delivery.fallback import LegacyUnavailable
from migrator.fallback.lookups import Lookups


class Log:
    """A change log whose answers come when the test says so, with what was true at the asking."""

    def __init__(self) -> None:
        self.true: set[int] = set()
        self.questions: list[tuple[list[int], asyncio.Future[None]]] = []

    async def ask(self, items: Collection[int]) -> set[int]:
        seen = set(self.true)
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.questions.append((list(items), gate))
        await gate
        return seen

    def answer(self, number: int) -> None:
        self.questions[number][1].set_result(None)

    def fail(self, number: int) -> None:
        self.questions[number][1].set_exception(LegacyUnavailable("away"))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_whoever_comes_during_a_question_waits_for_the_next() -> None:
    """It began before the change that the second request must see."""
    log = Log()
    lookups = Lookups(log.ask, at_once=1)
    first = asyncio.create_task(lookups.find(7))
    await settle()
    log.true.add(7)
    second = asyncio.create_task(lookups.find(7))
    await settle()
    log.answer(0)
    await settle()
    log.answer(1)
    assert (await first, await second) == (False, True)


async def test_all_that_wait_share_one_question() -> None:
    log = Log()
    lookups = Lookups(log.ask, at_once=1)
    log.true.add(3)
    first = asyncio.create_task(lookups.find(0))
    await settle()
    others = [asyncio.create_task(lookups.find(n % 10)) for n in range(100)]
    await settle()
    log.answer(0)
    await settle()
    assert [sorted(items) for items, _ in log.questions] == [[0], list(range(10))]
    log.answer(1)
    assert not await first
    assert [await one for one in others] == [n % 10 == 3 for n in range(100)]


async def test_no_more_questions_at_once_and_none_too_long() -> None:
    log = Log()
    lookups = Lookups(log.ask, at_once=2, at_most=3)
    waiting = [asyncio.create_task(lookups.find(0)), asyncio.create_task(lookups.find(1))]
    await settle()
    waiting += [asyncio.create_task(lookups.find(n)) for n in range(2, 9)]
    await settle()
    for number in range(4):
        assert len(log.questions) <= number + 2
        log.answer(number)
        await settle()
    assert max(len(items) for items, _ in log.questions) == 3
    assert [await one for one in waiting] == [False] * 9


async def test_a_failure_is_everybodys_who_shared_it_and_nobody_elses() -> None:
    log = Log()
    lookups = Lookups(log.ask, at_once=1)
    failing = [asyncio.create_task(lookups.find(1)) for _ in range(3)]
    await settle()
    later = asyncio.create_task(lookups.find(1))
    await settle()
    log.fail(0)
    for one in failing:
        with pytest.raises(LegacyUnavailable, match="away"):
            await one
    log.answer(1)
    assert await later is False


async def test_one_who_gives_up_harms_nobody() -> None:
    log = Log()
    lookups = Lookups(log.ask, at_once=1)
    gone = asyncio.create_task(lookups.find(1))
    stays = asyncio.create_task(lookups.find(1))
    await settle()
    gone.cancel()
    await settle()
    log.answer(0)
    assert await stays is False


async def test_one_who_comes_as_the_last_round_ends_is_asked_for() -> None:
    """A task's end is told a turn of the loop later; meanwhile it must not count as under way."""
    log = Log()
    lookups = Lookups(log.ask, at_once=1)

    async def again() -> bool:
        await lookups.find(1)
        return await lookups.find(2)

    task = asyncio.create_task(again())
    await settle()
    log.answer(0)
    await settle()
    log.answer(1)
    assert await asyncio.wait_for(task, 1.0) is False


async def test_the_end_comes_after_all_who_wait() -> None:
    log = Log()
    lookups = Lookups(log.ask, at_once=1)
    waiting = asyncio.create_task(lookups.find(1))
    await settle()
    end = asyncio.create_task(lookups.end())
    await settle()
    assert not end.done()
    log.answer(0)
    await end
    assert await waiting is False
