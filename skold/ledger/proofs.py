"""Proofs that a record stands in the ledger, read from tiles while the sequencer goes on writing.

Every proof is verified before it is given out: a damaged tile is named, never passed on. Reads a
handful of files, however large the ledger is.
"""

import os
from pathlib import Path

from skold import checkpoints, merkle
from skold.checkpoints import Checkpoint, CheckpointInvalidError
from skold.ledger.bundles import WIDTH, Bundles, Leaf, LedgerDamagedError, bundle_path
from skold.ledger.tile_check import find_damaged
from skold.ledger.tiles import HEIGHT, TileHashes, Tiles, tile_path
from skold.notes import NoteInvalidError, split_note
from skold.tlog_proof import TlogProof


class NotInTreeError(Exception):
    """The checkpoint does not reach so far: no such leaf, or not yet under a checkpoint."""


class NoCheckpointError(Exception):
    """The ledger has no checkpoint yet."""


class TreeReader:
    """Reads one ledger's tree as far as its checkpoint goes.

    Whether the checkpoint is rightly signed is for whoever holds the verify key. Every method
    raises NoCheckpointError, LedgerDamagedError, OSError; those that take a place in the tree
    NotInTreeError.
    """

    def __init__(self, ledger: str | os.PathLike[str]) -> None:
        self._ledger = Path(ledger)
        self._tiles = Tiles(ledger)
        self._bundles = Bundles(ledger)

    def checkpoint_text(self) -> str:
        """The newest checkpoint, a signed note."""
        try:
            return (self._ledger / "checkpoint").read_bytes().decode()
        except FileNotFoundError:
            raise NoCheckpointError(
                "the ledger has no checkpoint yet; is the bridge running?"
            ) from None
        except UnicodeDecodeError:
            raise LedgerDamagedError("checkpoint is not UTF-8") from None

    def checkpoint(self) -> Checkpoint:
        """What the newest checkpoint says."""
        return _parse(self.checkpoint_text())

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """RFC 9162 2.1.3.1: that leaf `index` stands in the tree of the first `size` leaves."""
        proof, _ = self._inclusion(index, size, self.checkpoint())
        return proof

    def consistency(self, old: int, new: int) -> list[bytes]:
        """RFC 9162 2.1.4.1: that the first `old` leaves are the beginning of the first `new`."""
        hashes = self._hashes(self.checkpoint(), new)
        if not 0 <= old <= new:
            raise NotInTreeError(f"a tree of {old} leaves is no beginning of one of {new}")
        return merkle.make_consistency(old, new, hashes)

    def root(self, size: int) -> bytes:
        """The root of the first `size` leaves."""
        return merkle.make_root(size, self._hashes(self.checkpoint(), size))

    def tlog_proof(self, index: int) -> str:
        """c2sp.org/tlog-proof: index, inclusion proof and the newest checkpoint."""
        return self.prove(index)[1]

    def prove(self, index: int) -> tuple[Leaf, str]:
        """A leaf and its c2sp.org/tlog-proof text, which is verified against the checkpoint."""
        note = self.checkpoint_text()
        checkpoint = _parse(note)
        proof, leaf = self._inclusion(index, checkpoint.size, checkpoint)
        return leaf, str(TlogProof(index, proof, note))

    def leaf(self, index: int) -> Leaf:
        """One record."""
        return self._leaf(index, self.checkpoint().size)

    def tile(self, level: int, number: int, width: int = WIDTH) -> bytes:
        """The first `width` hashes of a tile, as tlog-tiles has it."""
        size = self.checkpoint().size
        hashes = TileHashes(self._tiles, size)
        if number * WIDTH + width > size >> HEIGHT * level or width < 1:
            raise NotInTreeError(f"{tile_path(level, number, width)} is not in a tree of {size}")
        return b"".join(hashes.tile(level, number)[:width])

    def bundle(self, number: int, width: int = WIDTH) -> list[bytes]:
        """The bodies of the first `width` leaves of an entry bundle."""
        size = self.checkpoint().size
        if number * WIDTH + width > size or width < 1:
            raise NotInTreeError(f"bundle {bundle_path(number, width)} is not in a tree of {size}")
        bodies = self._bundles.read_bodies(number, min(WIDTH, size - number * WIDTH))
        return bodies[:width]

    def _inclusion(self, index: int, size: int, checkpoint: Checkpoint) -> tuple[list[bytes], Leaf]:
        hashes = self._hashes(checkpoint, size)
        leaf = self._leaf(index, size)
        proof = merkle.make_inclusion(index, size, hashes)
        own = merkle.leaf_hash(leaf.body)
        known = size == checkpoint.size
        root = checkpoint.root if known else merkle.make_root(size, hashes)
        if not merkle.verify_inclusion(own, index, size, proof, root):
            damaged = find_damaged(hashes, index, own)
            raise LedgerDamagedError(
                damaged or f"the tiles do not lead from leaf {index} to the checkpoint"
            )
        return proof, leaf

    def _leaf(self, index: int, size: int) -> Leaf:
        if not 0 <= index < size:
            raise NotInTreeError(f"leaf {index} is not in a tree of {size}")
        # The bundle's state is that of the checkpoint, even where an older size was asked for.
        (leaf,) = self._bundles.iter_leaves(index, index + 1, self.checkpoint().size)
        return leaf

    def _hashes(self, checkpoint: Checkpoint, size: int) -> TileHashes:
        if not 0 <= size <= checkpoint.size:
            raise NotInTreeError(f"the checkpoint says {checkpoint.size} leaves, not {size}")
        return TileHashes(self._tiles, checkpoint.size)


def _parse(note: str) -> Checkpoint:
    try:
        return checkpoints.parse(split_note(note)[0])
    except (NoteInvalidError, CheckpointInvalidError) as error:
        raise LedgerDamagedError(f"checkpoint: {error}") from None
