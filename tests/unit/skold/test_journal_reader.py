"""Reading journals. The promise: a torn tail is no damage, and no damage passes for a torn tail."""

import dataclasses

import pytest

from skold import records
from skold.frames import start_of
from skold.journal_reader import Tail, WriterReader
from tests.support.journals import BODY, PRIVATE, journal, kinds, read_all, the_writer


@pytest.fixture
def written(tmp_path):
    """A dead writer of 10 records, each in a group of its own, and the file that holds them."""
    with journal(tmp_path) as writing:
        for i in range(8):
            writing.append("req", {**BODY, "id": f"r-{i}"}, PRIVATE).wait()
    writer = the_writer(tmp_path)
    return writer, tmp_path / writer / "00000000.skj"


@pytest.fixture
def one_group(tmp_path):
    """A dead writer whose records 1 to 5 were flushed together."""

    async def crowd(writing):
        tickets = [writing.append("req", {**BODY, "id": f"r-{i}"}) for i in range(5)]
        await writing.durable(tickets[-1])

    import asyncio

    with journal(tmp_path) as writing:
        asyncio.run(crowd(writing))
    writer = the_writer(tmp_path)
    frames, _ = read_all(tmp_path, writer)
    assert {frame.fields["group"] for frame in frames[1:6]} == {1}
    return writer, tmp_path / writer / "00000000.skj"


def put(path, offset, raw):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(raw)


def ends(directory, writer):
    return [frame.after.offset for frame in read_all(directory, writer)[0]]


def test_it_goes_on_from_a_position(tmp_path, written):
    writer, _ = written
    frames, _ = read_all(tmp_path, writer)
    for frame in frames:
        rest = WriterReader(tmp_path, writer, frame.after).read()
        assert [f.n for f in rest] == list(range(frame.n + 1, 10))


def test_it_hands_out_no_more_than_asked_for_and_skips_nothing(tmp_path, written):
    reader = WriterReader(tmp_path, written[0])
    found = []
    while frames := reader.read(3):
        assert len(frames) <= 3
        found += [frame.n for frame in frames]
    assert found == list(range(10))


def test_a_position_of_another_chain_reads_nothing_and_is_damage(tmp_path, written):
    writer, _ = written
    wrong = dataclasses.replace(start_of(writer), chain=bytes(32))
    reader = WriterReader(tmp_path, writer, wrong)
    assert reader.read() == []
    assert reader.tail() is Tail.DAMAGED


def test_a_living_writer_may_have_more(tmp_path):
    with journal(tmp_path) as writing:
        writing.append("req", BODY).wait()
        reader = WriterReader(tmp_path, writing.writer)
        assert kinds(reader.read()) == ["open", "req"]
        assert reader.tail() is Tail.LIVING
        writing.append("req", BODY).wait()
        assert kinds(reader.read()) == ["req"]
    assert kinds(reader.read()) == ["close"]
    assert reader.tail() is Tail.ENDED


def test_a_successor_in_the_slot_shows_that_its_predecessor_is_dead(tmp_path):
    with journal(tmp_path) as writing:
        first = writing.writer
    with journal(tmp_path):
        assert read_all(tmp_path, first)[1] is Tail.ENDED


def test_a_torn_last_frame_is_not_damage(tmp_path, written):
    writer, path = written
    *_, before, last = ends(tmp_path, writer)
    for cut in (before, before + 1, before + 43, last - 1):
        raw = path.read_bytes()
        put(path, cut, bytes(last - cut))
        frames, tail = read_all(tmp_path, writer)
        assert (len(frames), tail) == (9, Tail.ENDED)
        path.chmod(0o600)
        path.write_bytes(raw)


def test_a_hole_inside_the_last_group_is_a_torn_tail(tmp_path, one_group):
    """After a power cut, later pages of a group that was never acknowledged may be there without
    earlier ones."""
    writer, path = one_group
    places = ends(tmp_path, writer)
    put(path, places[1], bytes(places[2] - places[1]))  # record 2 of the group 1 to 5
    put(path, places[5], bytes(places[6] - places[5]))  # and `close` was never written
    frames, tail = read_all(tmp_path, writer)
    assert ([frame.n for frame in frames], tail) == ([0, 1], Tail.ENDED)


def test_a_hole_before_a_later_group_is_damage(tmp_path, one_group):
    writer, path = one_group
    places = ends(tmp_path, writer)
    put(path, places[1], bytes(places[2] - places[1]))
    frames, tail = read_all(tmp_path, writer)
    assert ([frame.n for frame in frames], tail) == ([0, 1], Tail.DAMAGED)


def test_a_flipped_bit_before_other_records_is_damage(tmp_path, written):
    writer, path = written
    raw = path.read_bytes()
    place = ends(tmp_path, writer)[3] + 60
    put(path, place, bytes([raw[place] ^ 4]))
    frames, tail = read_all(tmp_path, writer)
    assert (len(frames), tail) == (4, Tail.DAMAGED)


def test_damage_is_noticed_while_the_writer_lives(tmp_path):
    with journal(tmp_path) as writing:
        for _ in range(3):
            writing.append("req", BODY).wait()
        writer = writing.writer
        places = ends(tmp_path, writer)
        put(tmp_path / writer / "00000000.skj", places[1], b"\xff" * 8)
        assert read_all(tmp_path, writer)[1] is Tail.DAMAGED


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b'"decision":"allow"', b'"decision":"refuse"'),
        lambda body: body.replace(b'"client":"campus"', b'"client":"others"'),
    ],
)
def test_an_edited_record_with_a_right_checksum_is_damage(tmp_path, written, change):
    """Whoever edits can make a CRC; the chain he cannot."""
    writer, path = written
    place = ends(tmp_path, writer)[4]
    old = records.find_frame(path.read_bytes(), place)
    body = change(old.body)
    assert body != old.body
    put(path, place, records.frame_bytes(old.n, old.chain, body, old.private))
    frames, tail = read_all(tmp_path, writer)
    assert (len(frames), tail) == (5, Tail.DAMAGED)


def test_a_deleted_record_is_damage(tmp_path, written):
    writer, path = written
    raw = path.read_bytes()
    places = ends(tmp_path, writer)
    path.write_bytes(raw[: places[3]] + raw[places[4] :])
    assert read_all(tmp_path, writer)[1] is Tail.DAMAGED


def test_reordered_records_are_damage(tmp_path, written):
    writer, path = written
    raw = path.read_bytes()
    a, b, c = ends(tmp_path, writer)[3:6]
    path.write_bytes(raw[:a] + raw[b:c] + raw[a:b] + raw[c:])
    assert read_all(tmp_path, writer)[1] is Tail.DAMAGED


def test_records_of_another_writer_are_damage(tmp_path, written):
    writer, path = written
    with journal(tmp_path) as writing:
        foreign = (tmp_path / writing.writer / "00000000.skj").read_bytes()
    path.write_bytes(foreign)
    frames, tail = read_all(tmp_path, writer)
    assert (frames, tail) == ([], Tail.DAMAGED)


def test_a_changed_private_part_is_told_from_the_one_committed_to(tmp_path, written):
    writer, path = written
    place = ends(tmp_path, writer)[2]
    old = records.find_frame(path.read_bytes(), place)
    other = old.private.replace(b"anna", b"bert")
    put(path, place, records.frame_bytes(old.n, old.chain, old.body, other))
    frames, tail = read_all(tmp_path, writer)
    assert [f.private_intact for f in frames] == [True] * 3 + [False] + [True] * 6
    assert tail is Tail.ENDED


def test_a_missing_segment_between_two_is_damage(tmp_path):
    with journal(tmp_path, segment_size=8192) as writing:
        for _ in range(100):
            writing.append("req", BODY, PRIVATE).wait()
    writer = the_writer(tmp_path)
    (tmp_path / writer / "00000001.skj").unlink()
    assert read_all(tmp_path, writer)[1] is Tail.DAMAGED


def test_a_writer_that_never_wrote_has_ended(tmp_path):
    (tmp_path / "node-1.1.0.17").mkdir()
    assert read_all(tmp_path, "node-1.1.0.17") == ([], Tail.ENDED)


def test_a_name_that_is_no_writers_is_refused(tmp_path):
    for name in ("slots", "node-1.1.0", "node-1.1.0.x", "../x.1.0.1", "node-1.01.0.1"):
        with pytest.raises(ValueError, match="writer"):
            WriterReader(tmp_path, name)
