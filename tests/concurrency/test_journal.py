"""Many threads and loops on one journal. The promise: one record each, in one chain, told once."""

import asyncio
import threading

from skold.journal import Journal
from skold.journal_reader import Tail, WriterReader
from tests.support.journals import BODY, PRIVATE, journal, read_all, the_writer

THREADS, RECORDS = 8, 200


def in_threads(work):
    errors = []

    def guarded(number):
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - a thread's error must fail the test
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_threads_and_event_loops_share_one_chain(tmp_path):
    async def crowd(writing: Journal, number: int) -> None:
        async def user(i: int) -> None:
            asked = writing.append("req", {**BODY, "id": f"{number}-{i}"}, PRIVATE)
            await writing.durable(asked)
            writing.append("done", {"status": 200, "id": f"{number}-{i}"}, ref=asked)

        await asyncio.gather(*[user(i) for i in range(RECORDS)])

    def work(number):
        if number % 2:
            asyncio.run(crowd(writing, number))
        else:
            for i in range(RECORDS):
                asked = writing.append("req", {**BODY, "id": f"{number}-{i}"}, PRIVATE)
                if i % 10 == 0:
                    asked.wait(30)
                writing.append("done", {"status": 200, "id": f"{number}-{i}"}, ref=asked)

    with journal(tmp_path, patience=30, segment_size=2**20) as writing:
        in_threads(work)
    frames, tail = read_all(tmp_path, the_writer(tmp_path))
    assert tail is Tail.ENDED
    assert len(frames) == 2 * THREADS * RECORDS + 2
    done = [frame.fields for frame in frames if frame.fields["kind"] == "done"]
    assert len(done) == THREADS * RECORDS
    for fields in done:
        asked = frames[fields["ref"]].fields
        assert (asked["kind"], asked["id"]) == ("req", fields["id"])


def test_a_reader_beside_a_living_writer_sees_every_record_once_and_no_damage(tmp_path):
    with journal(tmp_path, patience=30, segment_size=32 * 1024) as writing:
        reader = WriterReader(tmp_path, writing.writer)
        over = threading.Event()

        def write():
            for i in range(2000):
                ticket = writing.append("req", {**BODY, "id": f"r-{i}"}, PRIVATE)
                if i % 50 == 0:
                    ticket.wait(30)
            ticket.wait(30)
            over.set()

        thread = threading.Thread(target=write)
        thread.start()
        found, last_look = [], False
        while not last_look:
            last_look = over.is_set()
            while frames := reader.read(100):
                found += frames
            assert reader.tail() is Tail.LIVING
        thread.join()
    assert [frame.n for frame in found] == list(range(2001))


def test_a_loop_is_woken_once_for_a_group_however_many_wait(tmp_path):
    async def main(writing: Journal) -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        wakes = []
        original = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *a, **k: (wakes.append(a), original(*a, **k))[1]
        before = writing.flushes
        tickets = [writing.append("req", BODY) for _ in range(100)]
        await asyncio.gather(*[writing.durable(ticket) for ticket in tickets])
        return len(wakes), writing.flushes - before

    with journal(tmp_path, patience=30) as writing:
        wakes, flushes = asyncio.run(main(writing))
    assert wakes == flushes
    assert flushes < 10  # one, unless the machine was too busy to let the loop finish its turn
