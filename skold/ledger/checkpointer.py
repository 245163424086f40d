"""The node's checkpoint: signed as soon as leaves count, never smaller, never of another history.

    <ledger>/checkpoint               the newest checkpoint, a signed note
    <published>/checkpoint.highest    the same, outside the ledger: so that a ledger that was put
                                      back to an older copy is noticed

Needs the disk alone. Both are replaced durably, the ledger's first.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from skold import checkpoints
from skold.checkpoints import Checkpoint, CheckpointInvalidError, open_checkpoint
from skold.disk import Disk, replace_durably
from skold.ledger.forks import is_declared
from skold.ledger.tiles import Tiles
from skold.ledger.tree import Tree, extends
from skold.notes import Signer, Verifier

NAME = "checkpoint"
HIGHEST = "checkpoint.highest"


class LedgerForkedError(Exception):
    """The ledger does not continue what was signed before: it was put back to an older copy, or
    changed. Nothing is numbered or signed until the newest copy is back, or an operator declared
    the loss.
    """


class Checkpointer:
    """Signs the checkpoints of one ledger, and holds the ledger to those that were signed."""

    def __init__(
        self,
        ledger: str | os.PathLike[str],
        highest: str | os.PathLike[str],
        origin: str,
        *,
        signers: Callable[[], Sequence[Signer]],
        verifiers: Callable[[], Sequence[Verifier]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`highest` is the path of the copy outside the ledger. `signers` is asked at each
        checkpoint, so that keys may rotate; all of them sign.
        """
        self.at: float | None = None
        """When the newest checkpoint was signed or, after a start, written; epoch seconds."""
        self.newest: Checkpoint | None = None
        self._ledger = Path(ledger)
        self._paths = self._ledger / NAME, Path(highest)
        self._origin = origin
        self._signers, self._verifiers, self._clock = signers, verifiers, clock
        self._signed_by: set[bytes] = set()

    def hold(self, tiles: Tiles, tree: Tree) -> None:
        """Hold a tree to every checkpoint that is known. To be called before anything is added.

        Raises LedgerForkedError, CheckpointInvalidError for a file that does not verify,
        LedgerDamagedError.
        """
        for path in self._paths:
            known = self._find(path)
            if known is None or is_declared(self._ledger, known, tiles, tree):
                continue
            if not extends(tiles, tree, known.size, known.root):
                raise LedgerForkedError(
                    f"the ledger has {tree.size} leaves and does not continue the checkpoint of"
                    f" {known.size} leaves in {path}: it was put back to an older copy, or changed."
                    " Nothing is numbered or signed meanwhile; records wait in the journals. Put"
                    " the newest copy back; if there is none, see manage.py confirm_ledger"
                )
            if self.newest is None or known.size > self.newest.size:
                self.newest, self.at = known, path.stat().st_mtime

    def write(self, tree: Tree) -> bool:
        """Sign the tree, unless it is signed already by the keys of now. False where nothing was to
        be done. Raises OSError, LedgerForkedError for a smaller tree than was signed.
        """
        signers = self._signers()
        keys = {signer.verifier.public for signer in signers}
        if self.newest is not None and tree.size < self.newest.size:
            raise LedgerForkedError(f"{tree.size} leaves, after {self.newest.size} were signed")
        if self.newest is not None and tree.size == self.newest.size and keys == self._signed_by:
            return False
        head = Checkpoint(self._origin, tree.size, tree.root)
        note = checkpoints.sign(head, signers).encode()
        for path in self._paths:
            Disk().make_folder(path.parent)
            replace_durably(path, note)
        self.newest, self.at, self._signed_by = head, self._clock(), keys
        return True

    def _find(self, path: Path) -> Checkpoint | None:
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return open_checkpoint(raw, self._verifiers(), self._origin)
        except CheckpointInvalidError as error:
            raise CheckpointInvalidError(
                f"{path}: {error}. Put back the newest copy of it; the other one of"
                f" {' and '.join(map(str, self._paths))} may be copied over it"
            ) from None
