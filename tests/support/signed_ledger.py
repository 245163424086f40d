"""A journal, its ledger and its checkpoints, with keys that a test chooses; no Django."""

import hashlib
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skold import checkpoints
from skold.checkpoints import Checkpoint
from skold.journal import Journal
from skold.ledger.bundles import Bundles
from skold.ledger.checkpointer import Checkpointer
from skold.ledger.mark import read_mark
from skold.ledger.sequencer import Sequencer
from skold.merkle import leaf_hash, root_of
from skold.notes import Signer

NODE = "node-1"
ORIGIN = "example.org/node-1"


def signer(name: str) -> Signer:
    """A key made of its name."""
    seed = hashlib.sha256(name.encode()).digest()
    return Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(seed))


class SignedLedger:
    """`signers` may be changed at any time; `known` are the verify keys of a start."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder, self.path = folder, folder / "ledger"
        self.journal_dir, self.highest = folder / "journal", folder / "published" / "highest"
        self.journal_dir.mkdir(parents=True, exist_ok=True)
        self.signers = [signer("first")]
        self.known = [signer("first"), signer("second")]
        self.options = options

    def write(self, pairs: int) -> None:
        """Accesses of a process that ends."""
        journal = Journal([self.journal_dir], NODE)
        journal.start()
        for number in range(pairs):
            asked = journal.append("req", {"id": f"r-{number}"}, {"key": f"{number}.jpg"})
            ticket = journal.append("done", {"status": 200}, ref=asked)
        ticket.wait(10)
        journal.close()

    def checkpointer(self) -> Checkpointer:
        return Checkpointer(
            self.path,
            self.highest,
            ORIGIN,
            signers=lambda: self.signers,
            verifiers=lambda: [each.verifier for each in self.known],
        )

    def open(self) -> Sequencer:
        """What the bridge opens. Raises what it raises."""
        given = {"checkpointer": self.checkpointer(), **self.options}
        return Sequencer([self.journal_dir], self.path, NODE, **given)

    def sequence(self) -> int:
        """Number and sign everything; returns the number of leaves."""
        sequencer = self.open()
        try:
            while sequencer.step():
                pass
            return sequencer.mark.leaves
        finally:
            sequencer.close()

    def hashes(self) -> list[bytes]:
        """Leaf hashes of what counts, from the bodies alone."""
        leaves = read_mark(self.path, NODE).leaves
        return [leaf_hash(leaf.body) for leaf in Bundles(self.path).iter_leaves(0, leaves, leaves)]

    def checkpoint(self) -> Checkpoint:
        """The one on disk, verified."""
        note = (self.path / "checkpoint").read_bytes()
        return checkpoints.open_checkpoint(note, [each.verifier for each in self.known], ORIGIN)

    def assert_whole(self, records: int | None = None) -> None:
        """Every record once and in order; the checkpoint is that of the first so many."""
        import orjson

        leaves = read_mark(self.path, NODE).leaves
        found: dict[str, list[int]] = {}
        for leaf in Bundles(self.path).iter_leaves(0, leaves, leaves):
            body = orjson.loads(leaf.body)
            found.setdefault(body["writer"], []).append(body["n"])
        assert all(given == list(range(len(given))) for given in found.values())
        assert records in (None, leaves)
        hashes = self.hashes()
        if (self.path / "checkpoint").exists():
            head = self.checkpoint()
            assert head.size <= leaves
            assert head.root == root_of(hashes[: head.size])
