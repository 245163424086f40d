"""How many records a second the sequencer numbers, and what a step costs:
`python -m benchmarks.ledger [folder]`.

Two figures: a backlog read at full speed, and small steps of 20 records, which cost their flushes.
Both with hash tiles and a signed checkpoint after each step, as in the bridge.
"""

import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.journal import DONE, PRIVATE, REQ
from skold.journal import Journal
from skold.ledger.checkpointer import Checkpointer
from skold.ledger.sequencer import LIMIT, Sequencer
from skold.notes import Signer

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


def open_sequencer(folder: Path, name: str, limit: int) -> Sequencer:
    """A ledger as the bridge opens it."""
    signers = [Signer("example.org/bench", Ed25519PrivateKey.generate())]
    checkpointer = Checkpointer(
        folder / name,
        folder / f"{name}.highest",
        "example.org/bench",
        signers=lambda: signers,
        verifiers=lambda: [signer.verifier for signer in signers],
    )
    return Sequencer(
        [folder / "journal"], folder / name, "bench", checkpointer=checkpointer, limit=limit
    )


def backlog(folder: Path) -> tuple[int, float]:
    """Records numbered at full speed, and the seconds it took."""
    sequencer = open_sequencer(folder, "ledger", LIMIT)
    began = time.perf_counter()
    while sequencer.step():
        pass
    seconds = time.perf_counter() - began
    leaves = sequencer.mark.leaves
    sequencer.close()
    return leaves, seconds


def small_steps(folder: Path) -> float:
    """Seconds of a step of SMALL records, in the mean."""
    sequencer = open_sequencer(folder, "small", SMALL)
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
