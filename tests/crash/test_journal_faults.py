"""The journal on disks that fail. The promise: if it cannot be recorded, it is not told durable."""

import asyncio
import errno
import threading
import time

import pytest

from skold.journal import JournalUnavailable
from skold.journal_reader import Tail, iter_writers
from tests.support.disks import FaultyDisk, FullDisk
from tests.support.journals import BODY, PRIVATE, journal, kinds, read_all


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def first(tmp_path):
    return tmp_path / "first"


@pytest.fixture
def second(tmp_path):
    return tmp_path / "second"


def test_a_failed_sync_is_not_durable_and_the_journal_is_unavailable(first):
    disk = FaultyDisk(first)
    with journal(first, disk=disk) as writing:
        disk.fail = errno.EIO
        ticket = writing.append("req", BODY)
        with pytest.raises(JournalUnavailable, match="injected"):
            ticket.wait(5)
        until(lambda: not writing.healthy)
        with pytest.raises(JournalUnavailable):
            writing.append("req", BODY)
        assert "injected" in writing.reason


def test_a_descriptor_whose_sync_failed_is_never_synced_again(first):
    disk = FaultyDisk(first)
    with journal(first, disk=disk) as writing:
        disk.fail = errno.EIO
        with pytest.raises(JournalUnavailable):
            writing.append("req", BODY).wait(5)
        time.sleep(0.5)  # several attempts to open another writer, each on a file of its own
        disk.recover()
        until(lambda: writing.healthy)
    assert disk.syncs_after_failure == 0


def test_it_comes_back_when_the_disk_does_and_repeats_what_was_not_durable(first):
    disk = FaultyDisk(first)
    with journal(first, disk=disk) as writing:
        durable = writing.append("req", {**BODY, "id": "durable"}, PRIVATE)
        durable.wait()
        disk.fail = errno.EIO
        lost = writing.append("req", {**BODY, "id": "lost"}, PRIVATE)
        with pytest.raises(JournalUnavailable):
            lost.wait(5)
        disk.recover()
        until(lambda: writing.healthy)
        writing.append("done", {"status": 200}, ref=durable).wait(5)
        old, new = durable.writer, writing.writer
    frames, tail = read_all(first, new)
    assert kinds(frames) == ["open", "req", "done", "close"]
    opened, again, done, _ = (frame.fields for frame in frames)
    assert (opened["after"], opened["after_n"]) == (old, durable.n)
    assert again["id"] == "lost"
    assert again["again"] == f"{old}/{durable.n + 1}"
    assert frames[1].private_intact
    assert (done["ref"], done["ref_writer"]) == (durable.n, old)
    assert tail is Tail.ENDED


def test_the_second_directory_takes_over_without_anybody_noticing(first, second):
    disk = FaultyDisk(first)
    with journal(first, second, disk=disk) as writing:
        kept = writing.append("req", BODY)
        kept.wait()
        disk.fail = errno.EIO
        asked = writing.append("req", {**BODY, "id": "moved"}, PRIVATE)
        asked.wait(5)
        writing.append("done", {"status": 200}, ref=asked).wait(5)
        assert asked.durable
        assert asked.writer == writing.writer
    (new,) = iter_writers(second)
    frames, tail = read_all(second, new)
    opened, moved, done, _ = (frame.fields for frame in frames)
    assert (opened["after"], opened["after_n"]) == (kept.writer, kept.n)
    kept_frames, _ = read_all(first, kept.writer)
    assert opened["after_chain"] == kept_frames[kept.n].chain.hex()
    assert (moved["id"], moved["again"]) == ("moved", f"{kept.writer}/{kept.n + 1}")
    assert (done["ref"], "ref_writer" in done) == (moved["n"], False)
    assert tail is Tail.ENDED


def test_a_hanging_disk_is_left_after_its_patience(first, second):
    disk = FaultyDisk(first)
    with journal(first, second, disk=disk, patience=1.0) as writing:
        old = writing.writer
        disk.hang()
        began = time.monotonic()
        writing.append("req", BODY).wait(10)
        assert time.monotonic() - began < 5
        assert writing.writer != old
        disk.recover()


def test_a_hung_sync_that_returns_late_acknowledges_nothing(first):
    disk = FaultyDisk(first)
    with journal(first, disk=disk, patience=0.3) as writing:
        disk.hang()
        ticket = writing.append("req", BODY)
        with pytest.raises(JournalUnavailable, match="no sync within"):
            ticket.wait(10)
        disk.recover()
        until(lambda: writing.healthy)
        assert not ticket.durable
        flushes = writing.flushes
        writing.append("req", BODY).wait(5)
        assert writing.flushes > flushes


def test_no_other_writer_is_put_on_a_disk_that_still_hangs(first):
    disk = FaultyDisk(first)
    with journal(first, disk=disk, patience=0.2) as writing:
        disk.hang()
        with pytest.raises(JournalUnavailable):
            writing.append("req", BODY).wait(10)
        time.sleep(1)
        assert len(list(iter_writers(first))) == 1
        disk.recover()
        until(lambda: writing.healthy)


def test_both_disks_gone_is_unavailable_and_one_back_is_enough(first, second):
    disk = FaultyDisk(first.parent)
    with journal(first, second, disk=disk) as writing:
        disk.fail = errno.EIO
        ticket = writing.append("req", {**BODY, "id": "kept"})
        with pytest.raises(JournalUnavailable):
            ticket.wait(10)
        until(lambda: not writing.healthy)
        disk.recover()
        until(lambda: writing.healthy)
        writing.append("req", BODY).wait(5)
        directory = first if writing.writer in iter_writers(first) else second
        ids = [frame.fields.get("id") for frame in read_all(directory, writing.writer)[0]]
    assert ids.count("kept") == 1


def acknowledged_until_it_fails(writing):
    """Ids of the records that were told durable before the first that was not."""
    acknowledged = []
    for i in range(1000):
        ticket = writing.append("req", {**BODY, "id": f"r-{i}"}, PRIVATE)
        try:
            ticket.wait(5)
        except JournalUnavailable:
            return acknowledged
        acknowledged.append(f"r-{i}")
    raise AssertionError("the disk never failed")


def test_a_disk_that_is_full_in_the_middle_of_a_group_loses_nothing_acknowledged(first):
    with journal(first, disk=FullDisk(6000)) as writing:
        acknowledged = acknowledged_until_it_fails(writing)
        writer = next(iter_writers(first))
    frames, tail = read_all(first, writer)
    assert [frame.fields["id"] for frame in frames[1:]] == acknowledged
    assert tail is Tail.ENDED


def test_a_full_disk_at_the_start_is_unavailable_until_there_is_room(first):
    disk = FaultyDisk(first)
    disk.full = errno.ENOSPC
    with journal(first, disk=disk) as writing:
        assert not writing.healthy
        with pytest.raises(JournalUnavailable):
            writing.append("req", BODY)
        disk.recover()
        until(lambda: writing.healthy)


def test_a_disk_too_full_for_the_next_segment_ends_the_life_in_order(first):
    disk = FaultyDisk(first)
    with journal(first, disk=disk, segment_size=8192) as writing:
        disk.full = errno.ENOSPC
        acknowledged = acknowledged_until_it_fails(writing)
        writer = next(iter_writers(first))
    frames, tail = read_all(first, writer)
    assert [frame.fields["id"] for frame in frames[1:]] == acknowledged
    assert tail is Tail.ENDED


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with journal(tmp_path / "file" / "journal") as writing:
        assert not writing.healthy
        assert "file" in writing.reason


def test_a_process_that_cannot_start_a_thread_is_unavailable_until_it_can(first, monkeypatch):
    start, refused = threading.Thread.start, []

    def refuse_once(thread):
        if thread.name == "skold-journal" and not refused:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_once)
    with journal(first) as writing:
        assert refused
        until(lambda: writing.healthy)
        writing.append("req", BODY).wait(5)


def test_coroutines_are_told_of_a_failed_disk(first):
    disk = FaultyDisk(first)

    async def main(writing):
        disk.fail = errno.EIO
        tickets = [writing.append("req", BODY) for _ in range(20)]
        waits = [asyncio.create_task(writing.durable(ticket)) for ticket in tickets]
        return await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), 5)

    with journal(first, disk=disk) as writing:
        told = asyncio.run(main(writing))
    assert [type(error) for error in told] == [JournalUnavailable] * 20


def test_coroutines_do_not_notice_a_change_of_disks(first, second):
    disk = FaultyDisk(first)

    async def user(writing, i):
        asked = writing.append("req", {**BODY, "id": f"r-{i}"}, PRIVATE)
        await writing.durable(asked)
        writing.append("done", {"status": 200}, ref=asked)

    async def main(writing):
        for wave in range(20):
            if wave == 10:
                disk.fail = errno.EIO
            await asyncio.gather(*[user(writing, wave * 10 + i) for i in range(10)])

    with journal(first, second, disk=disk, patience=30) as writing:
        asyncio.run(main(writing))
    found = [
        frame.fields
        for directory in (first, second)
        for writer in iter_writers(directory)
        for frame in read_all(directory, writer)[0]
    ]
    durable = {fields["id"]: fields for fields in found if fields["kind"] == "req"}
    assert set(durable) == {f"r-{i}" for i in range(200)}
    done = [fields for fields in found if "ref" in fields]
    pairs = {(fields.get("ref_writer", fields["writer"]), fields["ref"]) for fields in done}
    assert {(fields["writer"], fields["n"]) for fields in durable.values()} <= pairs


def test_closing_on_a_hanging_disk_does_not_hang(first):
    disk = FaultyDisk(first)
    with journal(first, disk=disk, patience=0.2) as writing:
        disk.hang()
        closer = threading.Thread(target=writing.close)
        closer.start()
        closer.join(5)
        assert not closer.is_alive()
        disk.recover()
