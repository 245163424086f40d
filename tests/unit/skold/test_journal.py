"""The journal on a good disk. The promise: nothing is told durable before it is."""

import asyncio
import json
import threading

import pytest

from skold import records
from skold.journal import Journal, JournalUnavailable
from skold.journal_reader import Tail, iter_writers
from tests.support.disks import FaultyDisk, RecordingDisk
from tests.support.journals import BODY, PRIVATE, journal, kinds, read_all, the_writer


def test_it_keeps_records_in_order_chained_and_numbered_without_gaps(tmp_path):
    with journal(tmp_path) as writing:
        tickets = [writing.append("req", {**BODY, "id": f"r-{i}"}, PRIVATE) for i in range(500)]
        tickets[-1].wait()
    frames, tail = read_all(tmp_path, the_writer(tmp_path))
    assert kinds(frames) == ["open", *["req"] * 500, "close"]
    assert [frame.n for frame in frames] == list(range(502))
    assert [frame.fields["id"] for frame in frames[1:-1]] == [f"r-{i}" for i in range(500)]
    assert tail is Tail.ENDED


def test_a_writer_that_has_closed_takes_no_more_room_than_its_records(tmp_path):
    with journal(tmp_path) as writing:
        writing.append("req", BODY, PRIVATE).wait()
        segment = next((tmp_path / the_writer(tmp_path)).iterdir())
        living = segment.stat()
    closed = segment.stat()
    assert living.st_blocks * 512 >= living.st_size
    assert closed.st_size == living.st_size
    assert closed.st_blocks * 512 < 64 * 1024
    frames, tail = read_all(tmp_path, the_writer(tmp_path))
    assert (kinds(frames), tail) == (["open", "req", "close"], Tail.ENDED)


def test_it_keeps_persons_outside_the_hashed_part(tmp_path):
    with journal(tmp_path) as writing:
        writing.append("req", BODY, PRIVATE).wait()
    frame = read_all(tmp_path, the_writer(tmp_path))[0][1]
    assert b"anna" not in frame.body
    assert b"students" not in frame.body
    private = json.loads(frame.private)
    assert private.pop("salt")
    assert private == PRIVATE
    assert frame.fields["private"] == records.commitment(frame.private)
    assert frame.private_intact


def test_done_names_its_req(tmp_path):
    with journal(tmp_path) as writing:
        asked = writing.append("req", BODY, PRIVATE)
        writing.append("done", {"status": 200}, ref=asked).wait()
    _, req, done, _ = read_all(tmp_path, the_writer(tmp_path))[0]
    assert done.fields["ref"] == req.n
    assert "ref_writer" not in done.fields
    assert done.private == b""


def test_it_is_not_durable_before_the_sync_has_returned(tmp_path):
    disk = FaultyDisk(tmp_path)
    with journal(tmp_path, disk=disk, patience=30) as writing:
        disk.hang()
        ticket = writing.append("req", BODY)
        with pytest.raises(JournalUnavailable, match="not durable"):
            ticket.wait(0.2)
        assert not ticket.durable
        assert writing.lag_seconds > 0.1
        disk.recover()
        ticket.wait(5)
        assert ticket.durable


def test_everything_written_is_synced_before_anything_else_is_written(tmp_path):
    disk = RecordingDisk()
    with journal(tmp_path, disk=disk) as writing:
        for _ in range(50):
            writing.append("req", BODY).wait()
    assert [name for name, _ in disk.calls] == ["write", "sync"] * (len(disk.calls) // 2)


def test_records_of_one_turn_of_the_event_loop_share_one_sync(tmp_path):
    async def user(writing):
        await writing.durable(writing.append("req", BODY, PRIVATE))

    async def crowd(writing):
        before = writing.flushes
        await asyncio.gather(*[user(writing) for _ in range(200)])
        return writing.flushes - before

    with journal(tmp_path, patience=30, segment_size=2**20) as writing:
        assert asyncio.run(crowd(writing)) <= 5
        assert writing.records == 200


def test_a_segment_is_followed_by_the_next_without_losing_a_record(tmp_path):
    with journal(tmp_path, segment_size=8192) as writing:
        for i in range(200):
            writing.append("req", {**BODY, "id": f"r-{i}"}, PRIVATE).wait()
    writer = the_writer(tmp_path)
    frames, tail = read_all(tmp_path, writer)
    assert len(frames) == 202
    assert tail is Tail.ENDED
    sizes = {path.stat().st_size for path in (tmp_path / writer).iterdir()}
    assert sizes == {8192}
    assert len(list((tmp_path / writer).iterdir())) > 5


def test_a_prepared_segment_that_was_not_needed_is_gone_after_closing(tmp_path):
    with journal(tmp_path, segment_size=8192) as writing:
        while writing.records < 13:  # past the middle of the first segment
            writing.append("req", BODY, PRIVATE).wait()
    assert [path.name for path in (tmp_path / the_writer(tmp_path)).iterdir()] == ["00000000.skj"]


def test_open_names_the_tail_of_the_slots_previous_writer(tmp_path):
    for _ in range(2):
        with journal(tmp_path) as writing:
            writing.append("req", BODY).wait()
    first, second = iter_writers(tmp_path)
    last = read_all(tmp_path, first)[0][-1]
    opened = read_all(tmp_path, second)[0][0].fields
    assert (opened["previous"], opened["previous_n"]) == (first, last.n)
    assert opened["previous_chain"] == last.chain.hex()


def test_a_writer_that_never_wrote_is_passed_over(tmp_path):
    with journal(tmp_path):
        first = the_writer(tmp_path)
    (tmp_path / "node-1.1.0.99999999999999999").mkdir()
    with journal(tmp_path) as writing:
        opened = read_all(tmp_path, writing.writer)[0][0].fields
    assert opened["previous"] == first


def test_a_clock_that_went_back_does_not_put_a_writer_before_its_predecessor(tmp_path):
    with journal(tmp_path, clock=lambda: 2_000_000_000_000_000_000):
        first = the_writer(tmp_path)
    with journal(tmp_path, clock=lambda: 1_000_000_000_000_000_000) as writing:
        assert list(iter_writers(tmp_path)) == [first, writing.writer]


def test_two_processes_of_a_node_have_slots_of_their_own(tmp_path):
    with journal(tmp_path) as one, journal(tmp_path) as other:
        slots = {writing.writer.split(".")[-2] for writing in (one, other)}
    assert slots == {"0", "1"}


def test_it_beats_in_silence_without_taking_a_number(tmp_path):
    with journal(tmp_path, beat=0.05) as writing:
        before = writing.flushes
        while writing.flushes < before + 3:
            threading.Event().wait(0.01)
        writing.append("req", BODY).wait()
    writer = the_writer(tmp_path)
    assert kinds(read_all(tmp_path, writer)[0]) == ["open", "req", "close"]
    assert (tmp_path / writer / "00000000.skj").read_bytes().count(b'"kind":"beat"') >= 3


@pytest.mark.parametrize("name", ["at", "kind", "n", "writer", "private", "ref", "group", "again"])
def test_a_caller_cannot_write_what_the_journal_vouches_for(tmp_path, name):
    with journal(tmp_path) as writing, pytest.raises(ValueError, match=name):
        writing.append("req", {**BODY, name: "x"})


def test_a_record_that_cannot_be_written_leaves_no_gap(tmp_path):
    with journal(tmp_path) as writing:
        with pytest.raises(TypeError):
            writing.append("req", {"size": 1.5})
        writing.append("req", BODY).wait()
    assert kinds(read_all(tmp_path, the_writer(tmp_path))[0]) == ["open", "req", "close"]


def test_a_closed_journal_takes_no_more(tmp_path):
    with journal(tmp_path) as writing:
        pass
    assert not writing.healthy
    with pytest.raises(JournalUnavailable, match="closed"):
        writing.append("req", BODY)


def test_a_node_that_cannot_name_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="node"):
        Journal([tmp_path], "../node")


def test_times_are_rfc_3339_with_microseconds(tmp_path):
    with journal(tmp_path, clock=lambda: 1_763_892_672_000_001_999) as writing:
        writing.append("req", BODY).wait()
    frames, _ = read_all(tmp_path, the_writer(tmp_path))
    assert frames[1].fields["at"] == "2025-11-23T10:11:12.000001Z"


def test_a_waiter_that_gives_up_does_not_disturb_the_others(tmp_path):
    disk = FaultyDisk(tmp_path)

    async def main(writing):
        disk.hang()
        ticket = writing.append("req", BODY)
        leaver = asyncio.create_task(writing.durable(ticket))
        stayer = asyncio.create_task(writing.durable(ticket))
        await asyncio.sleep(0.05)
        leaver.cancel()
        await asyncio.sleep(0)
        disk.recover()
        await asyncio.wait_for(stayer, 5)
        return leaver.cancelled()

    with journal(tmp_path, disk=disk, patience=30) as writing:
        assert asyncio.run(main(writing))
