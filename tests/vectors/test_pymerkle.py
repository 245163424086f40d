"""PyPI `pymerkle` makes the same roots and inclusion proofs of the same entries as our tiles do."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

from skold import merkle
from skold.ledger.tiles import TileHashes, Tiles
from skold.ledger.tree import Tree

pytestmark = pytest.mark.interop

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".interop" / "pymerkle"
WORKER = Path(__file__).with_name("pymerkle_worker.py")


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of its own environment, made at first use; tests run side by side."""
    python, ready = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "ready"
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with ENVIRONMENT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "pymerkle==7.0.0"], check=True)
            ready.touch()
    return python


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
def test_roots_and_proofs_are_those_of_another_implementation(
    python: Path, size: int, tmp_path: Path
) -> None:
    indices = sorted({0, size // 3, size // 2, size - 1})
    olds = sorted({1, size // 2 or 1, size - 1 or 1})
    asked = json.dumps({"size": size, "indices": indices, "olds": olds})
    told = json.loads(subprocess.check_output([python, WORKER], input=asked, text=True))

    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(size)]
    tree, changed = Tree().grow(leaves)
    Tiles(tmp_path).write(changed)
    hashes = TileHashes(Tiles(tmp_path), size)
    assert tree.root.hex() == told["root"]
    for index, theirs in zip(indices, told["inclusion"], strict=True):
        ours = [leaves[index], *merkle.make_inclusion(index, size, hashes)]
        assert sorted(each.hex() for each in ours) == sorted(theirs)
    for old, theirs in zip(olds, told["old_roots"], strict=True):
        roots = bytes.fromhex(theirs), bytes.fromhex(told["root"])
        proof = merkle.make_consistency(old, size, hashes)
        assert merkle.verify_consistency(old, roots[0], size, roots[1], proof)
