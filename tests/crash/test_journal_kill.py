"""kill -9 of a journal's process at random moments. The promise: nothing acknowledged is lost."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skold.journal_reader import Tail, iter_writers
from tests.support.journals import read_all

TRIALS = 12
ROOT = Path(__file__).parents[2]
WRITER = ROOT / "tests" / "support" / "journal_writer.py"


def killed_after(seconds: float, directory: Path, segment_size: int) -> list[str]:
    """Ids that a writer had acknowledged when it was killed."""
    process = subprocess.Popen(
        [sys.executable, str(WRITER), str(directory), str(segment_size)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    rest = process.stdout.read()
    process.wait()
    return (first + rest).decode().split("\n")[:-1]


@pytest.fixture(scope="module")
def lives(tmp_path_factory):
    """Some lives, one after the other in the same slot, each killed; what each had acknowledged."""
    directory = tmp_path_factory.mktemp("journal")
    chance = random.Random(20_261_123)
    acknowledged = [
        killed_after(chance.uniform(0, 0.3), directory, 64 * 1024) for _ in range(TRIALS)
    ]
    return directory, acknowledged


def test_everything_acknowledged_is_readable_and_verifies(lives):
    directory, acknowledged = lives
    writers = list(iter_writers(directory))
    assert len(writers) == len(acknowledged) == TRIALS
    assert sum(map(len, acknowledged)) > TRIALS * 20
    for writer, told in zip(writers, acknowledged, strict=True):
        frames, tail = read_all(directory, writer)
        assert tail is Tail.ENDED
        assert [frame.n for frame in frames] == list(range(len(frames)))
        assert all(frame.private_intact for frame in frames)
        found = [frame.fields["id"] for frame in frames if frame.fields["kind"] == "req"]
        assert set(told) <= set(found)
        assert len(found) == len(set(found))


def test_each_life_names_the_tail_of_the_one_before(lives):
    directory, _ = lives
    last = None
    for writer in iter_writers(directory):
        frames, _ = read_all(directory, writer)
        opened = frames[0].fields
        named = opened.get("previous"), opened.get("previous_n"), opened.get("previous_chain")
        assert named == (last or (None, None, None))
        last = (writer, frames[-1].n, frames[-1].chain.hex())


def test_every_done_has_its_req(lives):
    directory, _ = lives
    for writer in iter_writers(directory):
        frames, _ = read_all(directory, writer)
        for frame in frames:
            if frame.fields["kind"] == "done":
                asked = frames[frame.fields["ref"]].fields
                assert (asked["kind"], asked["id"]) == ("req", frame.fields["id"])
