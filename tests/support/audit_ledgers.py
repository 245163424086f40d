"""Ledgers as the real journal and sequencer make them, and insiders who tamper with them."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skold.checkpoints import Checkpoint, sign
from skold.journal import Journal
from skold.ledger.bundles import WIDTH, Bundles
from skold.ledger.checkpointer import Checkpointer
from skold.ledger.mark import Mark, read_mark, write_mark
from skold.ledger.sequencer import Sequencer
from skold.ledger.tiles import Tiles
from skold.ledger.tree import Tree
from skold.merkle import leaf_hash
from skold.notes import Signer

NODE = "node-1"
ORIGIN = f"example.org/{NODE}"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
KEY, OTHER_KEY = str(SIGNER.verifier), str(OTHER.verifier)
HOUR = 3_600_000_000_000
BEGAN = 1_735_689_600_000_000_000
"""The first record's time: 2025-01-01, in ns."""

Leaves = list[tuple[bytes, bytes]]


class AuditLedger:
    """A node's journals and ledger. Each `live` is the life of one process."""

    def __init__(self, home: Path) -> None:
        self.journal, self.ledger = home / "journal", home / "ledger"
        self._now = BEGAN
        self._highest = home / "published" / "checkpoint.highest"

    def clock(self) -> int:
        self._now += 1_000_000
        return self._now

    def live(self, requests: int, *, client: str = "campus", broken_off: int = 0) -> None:
        """One life with that many requests, each with its end, but for the last `broken_off`."""
        journal = Journal([self.journal], NODE, clock=self.clock, segment_size=1 << 20)
        journal.start()
        for i in range(requests):
            body = {"id": f"r-{self._now}-{i}", "plane": "data", "method": "GET", "action": "read"}
            body |= {"decision": "allow", "client": client, "address": f"{i % 7:032x}"}
            private = {"key": f"students/{i}.jpg", "end_user": f"anna-{i}", "user_agent": "=1+1"}
            asked = journal.append("req", body, private)
            if i < requests - broken_off:
                journal.append("done", {"status": 200, "bytes": i}, ref=asked)
        journal.close()
        self._now += HOUR

    def sequence(self) -> Path:
        """Number everything and sign; returns the ledger's folder."""
        checkpointer = Checkpointer(
            self.ledger,
            self._highest,
            ORIGIN,
            signers=lambda: [SIGNER],
            verifiers=lambda: [SIGNER.verifier],
        )
        seconds = iter(range(0, 10_000, 10))
        sequencer = Sequencer(
            [self.journal],
            self.ledger,
            NODE,
            checkpointer=checkpointer,
            monotonic=lambda: float(next(seconds)),
        )
        try:
            while sequencer.step():
                pass
            for _look in range(3):  # dead writers retire at the second look at their tail
                sequencer.step()
        finally:
            sequencer.close()
        return self.ledger


def make_ledger(home: Path, lives: Sequence[int] = (120, 90, 100)) -> Path:
    """An honest ledger of about 630 records: three lives, three bundles."""
    made = AuditLedger(home)
    for requests in lives:
        made.live(requests)
    return made.sequence()


def read_leaves(ledger: Path) -> Leaves:
    leaves = read_mark(ledger, NODE).leaves
    found = Bundles(ledger).iter_leaves(0, leaves, leaves)
    return [(leaf.body, leaf.private) for leaf in found]


def write_bundles(ledger: Path, leaves: Leaves) -> None:
    """Put these entries into the bundles, and leave hashes, mark and checkpoint as they are."""
    shutil.rmtree(ledger / "tile" / "entries")
    shutil.rmtree(ledger / "private")
    Bundles(ledger).write(
        {first // WIDTH: leaves[first : first + WIDTH] for first in range(0, len(leaves), WIDTH)}
    )


def write_tiles(ledger: Path, bodies: Iterable[bytes]) -> Tree:
    """The hash tiles of these bodies, in place of those that are there."""
    for level in (ledger / "tile").glob("[0-9]*"):
        shutil.rmtree(level)
    tree, tiles = Tree().grow([leaf_hash(body) for body in bodies])
    Tiles(ledger).write(tiles)
    return tree


def rewrite(ledger: Path, leaves: Leaves, signer: Signer = SIGNER) -> None:
    """What an insider does who holds the signing key: a new history, rightly signed."""
    write_bundles(ledger, leaves)
    tree = write_tiles(ledger, [body for body, _ in leaves])
    note = sign_head(tree.size, tree.root, signer)
    (ledger / "checkpoint").write_text(note)
    write_mark(ledger, Mark(NODE, tree.size))
    (ledger / "ended").unlink(missing_ok=True)


def sign_head(size: int, root: bytes, signer: Signer = SIGNER) -> str:
    return sign(Checkpoint(ORIGIN, size, root), [signer])
