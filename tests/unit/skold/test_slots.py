"""Worker slots. The promise: a dead writer never looks alive, nor a living one dead."""

import os
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skold.disk import Disk
from skold.slots import WriterName, check_node, find_writer, is_living, list_writers, take_slot

HOLD = """
    import sys
    from pathlib import Path
    from skold.disk import Disk
    from skold.slots import take_slot
    print(take_slot(Path(sys.argv[1]), Disk())[0], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lowest free slot; gives process and slot."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process, int(process.stdout.readline())
    process.kill()
    process.wait()


def test_a_held_slot_is_living_and_freed_by_kill_9(tmp_path, holder):
    process, slot = holder
    writer = WriterName("node-1", 1, slot, 5)
    (tmp_path / str(writer)).mkdir()
    assert is_living(tmp_path, writer)
    process.kill()
    process.wait()
    assert not is_living(tmp_path, writer)


def test_asking_does_not_take_the_slot(tmp_path, holder):
    process, slot = holder
    process.kill()
    process.wait()
    assert not is_living(tmp_path, WriterName("node-1", 1, slot, 5))
    assert take_slot(tmp_path, Disk())[0] == slot


def test_two_in_one_process_have_two_slots_and_the_lowest_free_one_is_taken(tmp_path):
    (a, a_fd), (b, b_fd) = take_slot(tmp_path, Disk()), take_slot(tmp_path, Disk())
    assert (a, b) == (0, 1)
    os.close(a_fd)
    c, c_fd = take_slot(tmp_path, Disk())
    assert c == 0
    os.close(b_fd)
    os.close(c_fd)


def test_an_earlier_writer_of_a_held_slot_is_dead(tmp_path, holder):
    _, slot = holder
    earlier, later = (WriterName("node-1", 1, slot, start) for start in (5, 6))
    for writer in (earlier, later):
        (tmp_path / str(writer)).mkdir()
    assert is_living(tmp_path, later)
    assert not is_living(tmp_path, earlier)


def test_writers_are_listed_in_the_order_in_which_they_started(tmp_path):
    for name in ("node-1.1.0.20", "node-1.1.1.3", "node-1.1.0.100", "slots", "x.1.0.y"):
        (tmp_path / name).mkdir()
    assert [writer.start for writer in list_writers(tmp_path)] == [3, 20, 100]
    assert list_writers(tmp_path / "nowhere") == []


@given(
    st.from_regex(r"[a-z0-9][a-z0-9.-]{0,62}", fullmatch=True),
    st.integers(0, 10**6),
    st.integers(0, 4095),
    st.integers(0, 10**18),
)
def test_every_node_that_is_allowed_names_a_writer_that_is_found_again(node, epoch, slot, start):
    writer = WriterName(check_node(node), epoch, slot, start)
    assert find_writer(str(writer)) == writer
    assert "/" not in str(writer)


@pytest.mark.parametrize("node", ["", ".", "..", "-a", "A", "a/b", "a b", "a\n", "é", "x" * 64])
def test_a_node_that_could_not_name_a_folder_is_refused(node):
    with pytest.raises(ValueError, match="node"):
        check_node(node)
