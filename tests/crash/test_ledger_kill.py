"""TESTS.md 11: the sequencer killed between any two of its steps; each record exactly once."""

import subprocess
import sys
from pathlib import Path

from tests.support.signed_ledger import SignedLedger

REPOSITORY = Path(__file__).parents[2]


def test_killed_before_any_change_to_the_disk_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    ledger = SignedLedger(tmp_path)
    ledger.write(9000)
    command = [sys.executable, "-m", "tests.support.sequencer_kills", str(tmp_path)]
    kills = int(subprocess.check_output(command, cwd=REPOSITORY, timeout=250))
    assert kills > 30, "a step changes more than that"
    assert ledger.sequence() == 18_002
    ledger.assert_whole(18_002)
    assert ledger.checkpoint().size == 18_002
