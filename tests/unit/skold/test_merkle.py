"""Roots and proofs are those of RFC 6962, read word by word; nothing else verifies."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skold import merkle
from skold.ledger.tiles import TileHashes, Tiles
from skold.ledger.tree import Tree, extends, read_tree
from tests.support import naive_tree

entries = st.lists(st.binary(max_size=3), min_size=1, max_size=40)


def subtree_of(data: list[bytes]) -> merkle.Subtree:
    def subtree(level: int, number: int) -> bytes:
        start, width = number << level, 1 << level
        assert start + width <= len(data), "only complete subtrees may be asked for"
        return naive_tree.mth(data[start : start + width])

    return subtree


@given(st.lists(st.binary(max_size=3), max_size=300))
def test_the_root_is_that_of_the_rfc(data: list[bytes]) -> None:
    assert merkle.root_of([merkle.leaf_hash(entry) for entry in data]) == naive_tree.mth(data)
    assert merkle.make_root(len(data), subtree_of(data)) == naive_tree.mth(data)


@given(entries, st.data())
def test_an_inclusion_proof_is_that_of_the_rfc_and_verifies(
    data: list[bytes], draw: st.DataObject
) -> None:
    index = draw.draw(st.integers(0, len(data) - 1))
    proof = merkle.make_inclusion(index, len(data), subtree_of(data))
    assert proof == naive_tree.path(index, data)
    leaf, root = merkle.leaf_hash(data[index]), naive_tree.mth(data)
    assert merkle.verify_inclusion(leaf, index, len(data), proof, root)


@given(entries, st.data())
def test_a_consistency_proof_is_that_of_the_rfc_and_verifies(
    data: list[bytes], draw: st.DataObject
) -> None:
    old, new = draw.draw(st.integers(1, len(data))), len(data)
    proof = merkle.make_consistency(old, new, subtree_of(data))
    assert proof == naive_tree.proof(old, data)
    roots = naive_tree.mth(data[:old]), naive_tree.mth(data)
    assert merkle.verify_consistency(old, roots[0], new, roots[1], proof)


@given(st.integers(1, 40), st.data())
def test_no_other_leaf_place_proof_or_root_verifies(size: int, draw: st.DataObject) -> None:
    data = [b"%d" % number for number in range(size)]
    index = draw.draw(st.integers(0, size - 1))
    leaf, root = merkle.leaf_hash(data[index]), naive_tree.mth(data)
    proof = naive_tree.path(index, data)
    other = merkle.leaf_hash(b"another")
    assert not merkle.verify_inclusion(other, index, size, proof, root)
    assert not merkle.verify_inclusion(leaf, index, size, proof, other)
    assert not merkle.verify_inclusion(leaf, index, size, [*proof, other], root)
    for place in set(range(-1, size + 2)) - {index}:
        assert not merkle.verify_inclusion(leaf, place, size, proof, root)
    for place in range(len(proof)):
        assert not merkle.verify_inclusion(
            leaf, index, size, proof[:place] + proof[place + 1 :], root
        )
        wrong = [*proof[:place], other, *proof[place + 1 :]]
        assert not merkle.verify_inclusion(leaf, index, size, wrong, root)


@given(st.integers(2, 40), st.data())
def test_a_rewritten_log_is_not_consistent(size: int, draw: st.DataObject) -> None:
    data = [b"%d" % number for number in range(size)]
    old = draw.draw(st.integers(1, size))
    changed = draw.draw(st.integers(0, old - 1))
    forged = [*data[:changed], b"forged", *data[changed + 1 :]]
    roots = naive_tree.mth(data[:old]), naive_tree.mth(forged)
    for made_of in (data, forged):
        proof = naive_tree.proof(old, made_of)
        assert not merkle.verify_consistency(old, roots[0], size, roots[1], proof)


def test_the_empty_tree_is_the_beginning_of_every_tree() -> None:
    empty = naive_tree.mth([])
    assert merkle.root_of([]) == empty
    assert merkle.verify_consistency(0, empty, 3, b"r" * 32, [])
    assert not merkle.verify_consistency(0, b"r" * 32, 3, b"r" * 32, [])
    assert not merkle.verify_consistency(0, empty, 3, b"r" * 32, [empty])
    assert not merkle.verify_consistency(4, empty, 3, empty, [])


def test_it_makes_no_proof_of_what_is_not_in_the_tree() -> None:
    subtree = subtree_of([b"a", b"b"])
    with pytest.raises(ValueError, match="leaf 2 is not in a tree of 2"):
        merkle.make_inclusion(2, 2, subtree)
    with pytest.raises(ValueError, match="a tree of 3 is no beginning"):
        merkle.make_consistency(3, 2, subtree)


@pytest.mark.parametrize("steps", [[1, 254, 1, 1], [255, 2], [256, 256], [70_000], [700, 65_000]])
def test_tiles_on_disk_give_the_same_tree_whatever_the_steps(
    steps: list[int], tmp_path: Path
) -> None:
    """70,000 leaves are the example of tlog-tiles: partial tiles of 112, 17 and 1."""
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(sum(steps))]
    tiles, tree, states = Tiles(tmp_path), Tree(), []
    for step in steps:
        tree, changed = tree.grow(leaves[tree.size : tree.size + step])
        tiles.write(changed)
        states.append((tree.size, tree.root))
        assert read_tree(tiles, tree.size) == tree
        assert tree.root == merkle.root_of(leaves[: tree.size])
    assert TileHashes(tiles, tree.size).root() == tree.root
    assert all(extends(tiles, tree, *state) for state in states)
    assert not extends(tiles, tree, 1, tree.root)
    if tree.size == 70_000:
        names = {
            "tile/0/272",
            "tile/0/273.p/112",
            "tile/1/000",
            "tile/1/001.p/17",
            "tile/2/000.p/1",
        }
        assert all((tmp_path / name).is_file() for name in names)
