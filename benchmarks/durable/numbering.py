"""The bridge's sequencer as a process of its own: `python -m benchmarks.durable.numbering JOURNAL
LEDGER`, with checkpoints signed as in production and the bridge's politeness.

Works until its standard input ends and there is nothing left, then prints what it did.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skold.ledger.checkpointer import Checkpointer
from skold.ledger.sequencer import LIMIT, Sequencer
from skold.notes import Signer

POLITENESS = 10
"""Added to the niceness, as manage.py run_bridge does."""
INTERVAL = 0.5
"""Seconds between two looks, as in the bridge."""


def main() -> None:
    journal, ledger = Path(sys.argv[1]), Path(sys.argv[2])
    signer = Signer("example.org/bench", Ed25519PrivateKey.generate())
    checkpointer = Checkpointer(
        ledger,
        ledger.with_name(f"{ledger.name}.highest"),
        signer.name,
        signers=lambda: [signer],
        verifiers=lambda: [signer.verifier],
    )
    sequencer = Sequencer([journal], ledger, "bench", checkpointer=checkpointer)
    os.nice(POLITENESS)
    ending = threading.Event()
    print("ready", flush=True)
    sys.stdin.readline()
    threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
    began, cpu = time.perf_counter(), time.process_time()
    while not ending.is_set():
        if sequencer.step() < LIMIT:
            ending.wait(INTERVAL)
    meanwhile, ended = sequencer.mark.leaves, time.perf_counter()
    while sequencer.step():
        pass
    sequencer.close()
    print(
        json.dumps(
            {
                "meanwhile": meanwhile,
                "seconds": ended - began,
                "leaves": sequencer.mark.leaves,
                "behind": time.perf_counter() - ended,
                "cpu": time.process_time() - cpu,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
