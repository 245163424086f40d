"""Runs a sequencer that is killed before its k-th change to the disk, for every k in turn.

Run as `python -m tests.support.sequencer_kills <folder>`; the folder holds a journal. After each
kill everything is looked at, as a reader would find it then. Prints how many kills there were.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.signed_ledger import SignedLedger

CALLS = ("fsync", "pwrite", "rename", "unlink", "rmdir", "mkdir", "ftruncate")


def kill_before(call: int) -> None:
    """From now on the process dies before its `call`-th change."""
    left = call

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*given: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **more)

        return instead

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))


def one_life(ledger: SignedLedger, call: int) -> bool:
    """A sequencer of one step, in a process of its own; whether it was killed."""
    child = os.fork()
    if child == 0:
        kill_before(call)
        sequencer = ledger.open()
        sequencer.step()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def main(folder: Path) -> int:
    ledger = SignedLedger(folder, limit=300)
    call, kills, newest = 1, 0, 0
    while one_life(ledger, call):
        kills, call = kills + 1, call + 1
        ledger.assert_whole()
        if (ledger.path / "checkpoint").exists():
            size = ledger.checkpoint().size
            assert size >= newest, "the checkpoint went back"
            newest = size
    return kills


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
