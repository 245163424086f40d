"""A damaged hash of the tree is named as that, whatever older checkpoints are held against it."""

import shutil
from pathlib import Path

import pytest

from skold.ledger.bundles import bundle_path
from skold.verifier import verify_audit
from skold.verifier.verify_audit import Ledger, Older, Verification, read_checkpoint
from tests.support.audit_ledgers import KEY, AuditLedger


@pytest.mark.parametrize("tile", [0, 1])
def test_a_damaged_hash_is_not_called_another_history(tmp_path: Path, tile: int) -> None:
    made = AuditLedger(tmp_path)
    made.live(170)
    kept = tmp_path / "kept.txt"  # in the middle of a tile: the damaged one, or the one behind it
    shutil.copy(made.sequence() / "checkpoint", kept)
    made.live(100)
    ledger = made.sequence()
    damaged = ledger / "tile/0" / bundle_path(tile)
    damaged.write_bytes(bytes(32) + damaged.read_bytes()[32:])
    older = Older("kept.txt", read_checkpoint(kept.read_bytes()), own=True)
    report = Verification(Ledger(ledger), verify_audit.read_keys([KEY]), [older]).run()
    assert report.findings.of(verify_audit.BAD) == ["tile_changed"]
    assert report.facts["older_compared"] == 1
