"""Merkle trees of RFC 9162 (2.1; the same as RFC 6962): roots and proofs, made and verified.

Pure: no disk. Whoever makes proofs gives a function `subtree(level, number)`: the hash of the
complete subtree over leaves number · 2^level to (number + 1) · 2^level - 1. A leaf's hash is
`subtree(0, index)`. docs/vectors/tree holds the same rules as examples.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

Subtree = Callable[[int, int], bytes]

_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(00 || entry), RFC 9162 2.1.1."""
    return _sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(01 || left || right), RFC 9162 2.1.1."""
    return _sha256(b"\1" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes, or over hashes of complete subtrees of one size; EMPTY_ROOT
    for none. RFC 9162 2.1.1.
    """
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        # What has no neighbour goes up as it is: RFC 9162 splits at the largest power of two.
        odd = level[-1:] if len(level) % 2 else []
        level = [_sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
    return level[0]


def make_root(size: int, subtree: Subtree) -> bytes:
    """The root of the tree of `size` leaves."""
    return _range(0, size, subtree) if size else EMPTY_ROOT


def make_inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """PATH(index, D[size]), RFC 9162 2.1.3.1: hashes from the leaf's sibling up to the root's
    child. Raises ValueError for a leaf that is not in the tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range(middle, end, subtree))
            end = middle
        else:
            path.append(_range(start, middle, subtree))
            start = middle
    return path[::-1]


def make_consistency(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """PROOF(old, D[new]), RFC 9162 2.1.4.1; empty for trees of the same size and for an old one
    without leaves. Raises ValueError when the old tree is larger.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} is no beginning of a tree of {new}")
    if old in {0, new}:
        return []
    proof, start, end, known = [], 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_range(middle, end, subtree))
            end = middle
        else:
            proof.append(_range(start, middle, subtree))
            start, known = middle, False
    # The old root itself is left out where the verifier has it.
    return ([] if known else [_range(start, end, subtree)]) + proof[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `proof` leads from the leaf hash `leaf` at `index` to the root of a tree of `size`
    leaves. RFC 9162 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    number, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if number % 2 or number == last:
            found = node_hash(sibling, found)
            while number % 2 == 0 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and hmac.compare_digest(found, root)


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the tree of `old_size` leaves is the beginning of that of
    `new_size`. RFC 9162 2.1.4.2. Every tree begins with the empty one.
    """
    if not 0 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and hmac.compare_digest(old_root, new_root)
    if old_size == 0:
        return not proof and hmac.compare_digest(old_root, EMPTY_ROOT)
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    return bool(path) and _same_roots(old_size, old_root, new_size, new_root, path)


def _same_roots(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> bool:
    number, last = old_size - 1, new_size - 1
    while number % 2:
        number, last = number >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number % 2 or number == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while number % 2 == 0 and number:
                number, last = number >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and hmac.compare_digest(old, old_root) and hmac.compare_digest(new, new_root)


def _range(start: int, end: int, subtree: Subtree) -> bytes:
    """MTH(D[start:end]) of a range that is a node of some tree: its complete subtrees from left to
    right, joined from the right.
    """
    parts = []
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append(subtree(level, start >> level))
        start += 1 << level
    found = parts.pop()
    while parts:
        found = node_hash(parts.pop(), found)
    return found


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1
