"""How many records a second the sequencer numbers, and what a step costs:
`python -m benchmarks.ledger [folder]`.

Two figures: a backlog read at full speed, and small steps of 20 records, which cost their flushes.
"""

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.journal import DONE, PRIVATE, REQ
from skold.journal import Journal
from skold.ledger.sequencer import Sequencer

PAIRS = 50_000
SMALL = 20
STEPS = 200


def write_journal(folder: Path, pairs: int) -> None:
    """A dead writer's journal of `pairs` accesses."""
    journal = Journal([folder], "bench")
    journal.start()
    for at in range(pairs):
        asked = journal.append("req", REQ, PRIVATE)
        ticket = journal.append("done", DONE, ref=asked)
        if at % 1000 == 999:
            ticket.wait(10)
    journal.close()


def backlog(folder: Path) -> tuple[int, float]:
    """Records numbered at full speed, and the seconds it took."""
    sequencer = Sequencer([folder / "journal"], folder / "ledger", "bench")
    began = time.perf_counter()
    while sequencer.step():
        pass
    seconds = time.perf_counter() - began
    leaves = sequencer.mark.leaves
    sequencer.close()
    return leaves, seconds


def small_steps(folder: Path) -> float:
    """Seconds of a step of SMALL records, in the mean."""
    sequencer = Sequencer([folder / "journal"], folder / "small", "bench", limit=SMALL)
    began = time.perf_counter()
    for _ in range(STEPS):
        sequencer.step()
    seconds = time.perf_counter() - began
    sequencer.close()
    return seconds / STEPS


def main(folder: Path) -> None:
    """Prints both figures."""
    write_journal(folder / "journal", PAIRS)
    leaves, seconds = backlog(folder)
    print(f"backlog: {leaves / seconds:,.0f} records/s ({leaves:,} in {seconds:.2f} s)")
    print(f"a step of {SMALL} records: {small_steps(folder) * 1e3:.2f} ms")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else ".") as place:
        main(Path(place))
