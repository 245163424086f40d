"""C2SP proofs of one record (c2sp.org/tlog-proof): verified with the log's key and nothing else.

    c2sp.org/tlog-proof@v1
    index <decimal>
    <base64 of a hash>          from the leaf's sibling up to the root's child
    <empty line>
    <the checkpoint, a signed note>

Pure. We write no `extra` line; one that is there is passed over, since nothing signs it.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skold.checkpoints import Checkpoint, CheckpointInvalidError, open_checkpoint
from skold.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from skold.notes import Verifier

FIRST_LINE = "c2sp.org/tlog-proof@v1"
LONGEST_PATH = 64
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


class ProofInvalidError(Exception):
    """Not a proof, or not of this record in this log."""


@dataclass(frozen=True, slots=True)
class TlogProof:
    """`hashes` lead from leaf `index` to the root of the checkpoint `note`."""

    index: int
    hashes: Sequence[bytes]
    note: str

    def __str__(self) -> str:
        hashes = [base64.b64encode(each).decode() for each in self.hashes]
        return "\n".join([FIRST_LINE, f"index {self.index}", *hashes]) + "\n\n" + self.note


def parse(text: str) -> TlogProof:
    """What a proof says; nothing is verified yet. Raises ProofInvalidError."""
    head, gap, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    if lines and lines[0].startswith("extra "):
        lines = lines[1:]
    index = _INDEX.fullmatch(lines[0]) if lines else None
    if first != FIRST_LINE or not gap or index is None or len(lines) > LONGEST_PATH + 1:
        raise ProofInvalidError(f"it does not begin as {FIRST_LINE} does")
    return TlogProof(int(index[1]), [_hash(line) for line in lines[1:]], note)


def verify(text: str, body: bytes, verifiers: Iterable[Verifier], origin: str) -> Checkpoint:
    """The checkpoint of the log `origin` under which the record `body` stands.

    Raises ProofInvalidError.
    """
    proof = parse(text)
    try:
        head = open_checkpoint(proof.note, verifiers, origin)
    except CheckpointInvalidError as error:
        raise ProofInvalidError(str(error)) from None
    if not verify_inclusion(leaf_hash(body), proof.index, head.size, proof.hashes, head.root):
        raise ProofInvalidError(f"it does not lead from this record to the root of {head.size}")
    return head


def _hash(line: str) -> bytes:
    try:
        found = base64.b64decode(line, validate=True)
    except (ValueError, binascii.Error):
        found = b""
    if len(found) != HASH_SIZE:
        raise ProofInvalidError("a line of it is no hash")
    return found
