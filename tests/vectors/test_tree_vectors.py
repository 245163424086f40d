"""docs/vectors/tree: what must verify does, what must be refused is."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from skold import checkpoints, merkle, tlog_proof
from skold.checkpoints import CheckpointInvalidError
from skold.ledger.tiles import Tiles
from skold.ledger.tree import Tree
from skold.notes import parse_verifier
from skold.tlog_proof import ProofInvalidError
from tests.vectors.make_tree_vectors import FOLDER, files

PATHS = sorted(FOLDER.glob("*.json"))


def kind(name: str) -> Any:
    found = [path for path in PATHS if path.name.startswith(name)]
    return pytest.mark.parametrize("told", [load(path) for path in found], ids=lambda t: t["about"])


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="ascii"))


def raw(hashes: list[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in hashes]


def test_the_files_are_those_that_are_made() -> None:
    assert {path.name: path.read_text(encoding="ascii") for path in PATHS} == files()


@kind("root-")
def test_roots(told: Any) -> None:
    hashes = [merkle.leaf_hash(entry) for entry in raw(told["entries"])]
    assert merkle.root_of(hashes).hex() == told["root"]


@kind("inclusion-")
def test_inclusion(told: Any) -> None:
    leaf, root = bytes.fromhex(told["leaf"]), bytes.fromhex(told["root"])
    proof = raw(told["proof"])
    held = merkle.verify_inclusion(leaf, told["index"], told["size"], proof, root)
    assert held == (told["expect"] == "valid")


@kind("consistency-")
def test_consistency(told: Any) -> None:
    roots = bytes.fromhex(told["old_root"]), bytes.fromhex(told["new_root"])
    proof = raw(told["proof"])
    held = merkle.verify_consistency(told["old_size"], roots[0], told["new_size"], roots[1], proof)
    assert held == (told["expect"] == "valid")


@kind("checkpoint-")
def test_checkpoints(told: Any) -> None:
    keys = [parse_verifier(line) for line in told["verify_keys"]]
    if told["expect"] == "refused":
        with pytest.raises(CheckpointInvalidError):
            checkpoints.open_checkpoint(told["note"], keys, told["origin"])
        return
    head = checkpoints.open_checkpoint(told["note"], keys, told["origin"])
    assert (head.size, head.root.hex()) == (told["size"], told["root"])


@kind("tlog-proof-")
def test_proofs_of_one_record(told: Any) -> None:
    keys = [parse_verifier(line) for line in told["verify_keys"]]
    if told["expect"] == "refused":
        with pytest.raises(ProofInvalidError):
            tlog_proof.verify(told["proof"], told["body"].encode(), keys, told["origin"])
        return
    head = tlog_proof.verify(told["proof"], told["body"].encode(), keys, told["origin"])
    assert head.size == 70


@kind("tiles-")
def test_tiles(told: Any, tmp_path: Path) -> None:
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(told["size"])]
    tree, changed = Tree().grow(leaves)
    Tiles(tmp_path).write(changed)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    sums = {
        str(path.relative_to(tmp_path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in written
    }
    assert (sums, tree.root.hex()) == (told["tiles"], told["root"])
