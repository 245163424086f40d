"""A frame is handed out only if it claims what its place demands, however well it is chained."""

import pytest

from skold import records
from skold.frames import claim_of, start_of, take_frames
from skold.records import Scalar

WRITER = "node-1.1.0.1700000000000000"


def chained(*bodies: dict[str, Scalar]) -> bytes:
    """Frames whose chain is right, whatever their bodies say."""
    buffer, chain = b"", records.genesis(WRITER)
    for n, fields in enumerate(bodies):
        body = records.canonical({"at": "t", "kind": "req", "n": n, "writer": WRITER, **fields})
        chain = records.next_chain(chain, records.leaf_hash(body))
        buffer += records.frame_bytes(n, chain, body, b"")
    return buffer


def taken(buffer: bytes) -> int:
    """How many of the frames are handed out."""
    found: list = []
    position = take_frames(buffer, start_of(WRITER), claim_of(WRITER), found, 100)
    assert position.n == len(found)
    return len(found)


def test_it_takes_what_continues_the_chain() -> None:
    assert taken(chained({}, {"id": "r-1"}, {"zone": "behind the writer's name"})) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 7},
        {"n": 11},
        {"n": "1"},
        {"writer": WRITER + "0"},
        {"writer": "another"},
        {"n": 7, "id": ',"n":1,'},
        {"n": 7, "id": f',"n":1,"writer":"{WRITER}"'},
        {"writer": "another", "zone": f',"writer":"{WRITER}"'},
    ],
)
def test_it_stops_at_a_record_that_claims_another_writer_or_number(
    wrong: dict[str, Scalar],
) -> None:
    assert taken(chained({}, wrong, {})) == 1


def test_a_text_that_imitates_a_member_hides_nothing() -> None:
    hostile = {"id": ',"n":9,"writer":"w",', "private": ',"private":""'}
    assert taken(chained({}, hostile, {})) == 3


def test_a_beat_is_passed_over_only_where_it_repeats_the_last_record() -> None:
    buffer = chained({}, {})
    first = records.find_frame(buffer)
    assert first is not None
    last = records.find_frame(buffer, first.end)
    assert last is not None
    for n, chain, passed in (
        (1, last.chain, True),
        (0, last.chain, False),
        (1, first.chain, False),
    ):
        body = records.canonical({"at": "t", "kind": "beat", "n": n, "writer": WRITER})
        found: list = []
        beaten = buffer + records.frame_bytes(n, chain, body, b"")
        position = take_frames(beaten, start_of(WRITER), claim_of(WRITER), found, 100)
        assert len(found) == 2
        assert (position.offset == len(beaten)) is passed


def test_a_record_written_twice_is_no_beat() -> None:
    buffer = chained({}, {})
    first = records.find_frame(buffer)
    assert first is not None
    found: list = []
    twice = buffer + buffer[first.end :]
    position = take_frames(twice, start_of(WRITER), claim_of(WRITER), found, 100)
    assert (len(found), position.offset) == (2, len(buffer))
