"""Each durable record gets exactly one number, in order, with the disk alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from skold.journal import Journal
from skold.journal_reader import iter_writers
from skold.ledger import sequencer as module
from skold.ledger.bundles import Bundles
from skold.ledger.mark import MarkInvalidError, read_ended, read_mark
from skold.ledger.sequencer import LedgerInUseError, Sequencer
from skold.ledger.writers import Writers

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Ledger

NODE = "node-1"


def numbers(ledger: Path) -> dict[str, list[int]]:
    """For each writer the numbers of its records in the order of the leaves."""
    leaves = read_mark(ledger, NODE).leaves
    found: dict[str, list[int]] = {}
    for leaf in Bundles(ledger).iter_leaves(0, leaves, leaves):
        body = orjson.loads(leaf.body)
        found.setdefault(body["writer"], []).append(body["n"])
    return found


def assert_exactly_once(ledger: Path, records: int) -> None:
    found = numbers(ledger)
    assert sum(map(len, found.values())) == records
    assert all(given == list(range(len(given))) for given in found.values())


def test_it_numbers_every_record_once_and_in_order(ledger: "Ledger") -> None:
    ledger.write(300)
    assert ledger.sequence() == 601  # `open`, then pairs
    assert_exactly_once(ledger.path, 601)


def test_it_goes_on_after_a_restart_where_it_stopped(ledger: "Ledger") -> None:
    ledger.write(10)
    ledger.sequence()
    ledger.write(10)
    ledger.sequencer.close()
    ledger.sequencer = Sequencer([ledger.journal_dir], ledger.path, NODE)
    assert ledger.sequence() == 41
    assert_exactly_once(ledger.path, 41)


def test_it_numbers_again_what_a_crash_left_above_the_mark(
    ledger: "Ledger", monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise OSError("no space")

    ledger.write(200)
    ledger.sequence()
    ledger.write(200)
    monkeypatch.setattr(module, "write_mark", crash)
    with pytest.raises(OSError, match="no space"):
        ledger.sequencer.step()
    monkeypatch.undo()
    ledger.write(5)
    assert ledger.sequence() == 811
    assert_exactly_once(ledger.path, 811)


def test_every_state_of_the_mark_can_be_read(ledger: "Ledger") -> None:
    for _ in range(7):
        ledger.write(40)
        ledger.sequence()
        assert_exactly_once(ledger.path, ledger.sequencer.mark.leaves)


def test_a_kill_at_any_moment_neither_loses_nor_doubles(ledger: "Ledger") -> None:
    """TESTS.md 11, for the half that needs no database."""
    ledger.sequencer.close()
    ledger.write(4000)
    script = (
        "import sys; from skold.ledger.sequencer import Sequencer\n"
        f"s = Sequencer([sys.argv[1]], sys.argv[2], {NODE!r}, limit=37)\n"
        "while s.step(): print('step', flush=True)"
    )
    for kill in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(ledger.journal_dir), str(ledger.path)],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        for _ in range(kill + 1):
            process.stdout.readline()
        time.sleep(0.0007 * kill)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        leaves = read_mark(ledger.path, NODE).leaves
        assert_exactly_once(ledger.path, leaves)
    assert 0 < leaves < 8001, "the kills came too early or too late to say anything"
    ledger.sequencer = Sequencer([ledger.journal_dir], ledger.path, NODE)
    assert ledger.sequence() == 8001
    assert_exactly_once(ledger.path, 8001)


def test_damage_is_named_and_the_other_writers_go_on(ledger: "Ledger") -> None:
    ledger.write(50)
    (victim,) = iter_writers(ledger.journal_dir)
    ledger.journal.close()
    (segment,) = (ledger.journal_dir / victim).glob("*.skj")
    raw = bytearray(segment.read_bytes())
    raw[raw.find(b"photo-20.jpg")] ^= 1
    segment.write_bytes(raw)
    ledger.journal = Journal([ledger.journal_dir], NODE)
    ledger.journal.start()
    ledger.write(3)
    ledger.sequence()
    assert list(ledger.sequencer.alarms) == [victim]
    assert "record 41" in ledger.sequencer.alarms[victim]
    found = numbers(ledger.path)
    assert found.pop(victim) == list(range(41))
    assert [len(given) for given in found.values()] == [7]


def test_a_dead_writer_leaves_the_mark_and_is_never_read_again(tmp_path: Path) -> None:
    clock = [0.0]
    dirs = [tmp_path / "journal"]
    sequencer = Sequencer(dirs, tmp_path / "ledger", NODE, monotonic=lambda: clock[0])
    journal = Journal(dirs, NODE)
    journal.start()
    journal.append("req", {"id": "r"}, {}).wait(10)
    journal.close()
    for _ in range(6):
        sequencer.step()
        clock[0] += 2
    (writer,) = iter_writers(dirs[0])
    assert sequencer.mark.writers == {}
    assert read_ended(tmp_path / "ledger")[writer].n == 3  # open, req, close
    sequencer.close()
    again = Sequencer(dirs, tmp_path / "ledger", NODE)
    assert again.step() == 0
    again.close()
    assert_exactly_once(tmp_path / "ledger", 3)


def test_what_a_writer_wrote_between_our_last_read_and_its_death_is_read(tmp_path: Path) -> None:
    clock = [0.0]
    journal = Journal([tmp_path], NODE)
    journal.start()
    journal.append("req", {"id": "r-1"}, {}).wait(10)
    writers = Writers([tmp_path], {}, lambda: clock[0])
    ((writer, reader),) = writers.iter_readers({})
    assert len(reader.read()) == 2
    assert reader.read() == []
    journal.append("req", {"id": "r-2"}, {})
    journal.close()
    assert not writers.has_ended(writer, reader)
    assert [frame.fields["kind"] for frame in reader.read()] == ["req", "close"]


def test_a_living_writer_that_is_silent_stays(ledger: "Ledger") -> None:
    clock = [0.0]
    ledger.sequencer.close()
    ledger.sequencer = Sequencer(
        [ledger.journal_dir], ledger.path, NODE, monotonic=lambda: clock[0]
    )
    ledger.write(1)
    for _ in range(6):
        ledger.sequencer.step()
        clock[0] += 2
    ledger.write(1)
    ledger.sequencer.step()
    assert_exactly_once(ledger.path, 5)


def test_a_ledger_has_one_sequencer(ledger: "Ledger") -> None:
    with pytest.raises(LedgerInUseError, match="another process"):
        Sequencer([ledger.journal_dir], ledger.path, NODE)


def test_it_refuses_the_ledger_of_another_node(ledger: "Ledger") -> None:
    ledger.write(1)
    ledger.sequence()
    ledger.sequencer.close()
    with pytest.raises(MarkInvalidError, match="of node-1, not of node-2"):
        Sequencer([ledger.journal_dir], ledger.path, "node-2")
    ledger.sequencer = Sequencer([ledger.journal_dir], ledger.path, NODE)


def test_private_parts_stay_outside_the_bundle_that_is_hashed(ledger: "Ledger") -> None:
    ledger.write(3)
    ledger.sequence()
    bodies = b"".join(path.read_bytes() for path in ledger.path.glob("tile/**/*") if path.is_file())
    privates = b"".join(
        path.read_bytes() for path in ledger.path.glob("private/**/*") if path.is_file()
    )
    assert b"anna" not in bodies
    assert b"anna" in privates
