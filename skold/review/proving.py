"""The proof of one record, made from disk and verified on the way: what a page shows of it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from skold.checkpoints import CheckpointInvalidError, open_checkpoint, parse
from skold.control.review_parts import ReviewParts
from skold.ledger.proofs import TreeReader
from skold.merkle import leaf_hash, node_hash, verify_inclusion
from skold.notes import NoteInvalidError, split_note


class ProofFailedError(Exception):
    """The disk does not prove the record; the text says where it breaks."""


@dataclass(frozen=True, slots=True)
class Step:
    """One hash of the audit path and what comes out of it; `left`: it stands left of ours."""

    hash: str
    left: bool
    result: str


@dataclass(frozen=True, slots=True)
class Proof:
    """`text` is a c2sp.org/tlog-proof. `key_ids` are those of our keys that signed the
    checkpoint; empty where no verify key of it is known here."""

    index: int
    size: int
    origin: str
    leaf: str
    steps: Sequence[Step]
    root: str
    checkpoint: str
    key_ids: Sequence[str]
    text: str
    same_body: bool


def prove(parts: ReviewParts, index: int, body: bytes) -> Proof:
    """Read, verify and tell. `body` is PostgreSQL's, which is held against the disk's.

    Raises ProofFailedError, NotInTreeError (not yet under a checkpoint), NoCheckpointError,
    LedgerDamagedError, OSError.
    """
    reader = TreeReader(parts.ledger)
    leaf, text = reader.prove(index)
    told, _gap, note = text.partition("\n\n")
    hashes = [base64.b64decode(line) for line in told.split("\n")[2:]]
    try:
        head = parse(split_note(note)[0])
        key_ids = _signers(parts, note, head.origin)
    except (NoteInvalidError, CheckpointInvalidError) as error:
        raise ProofFailedError(str(error)) from error
    own = leaf_hash(leaf.body)
    if not verify_inclusion(own, index, head.size, hashes, head.root):
        raise ProofFailedError("the audit path does not lead to the root")
    return Proof(
        index=index,
        size=head.size,
        origin=head.origin,
        leaf=own.hex(),
        steps=steps_of(own, index, head.size, hashes),
        root=head.root.hex(),
        checkpoint=note,
        key_ids=key_ids,
        text=text,
        same_body=leaf.body == body,
    )


def steps_of(own: bytes, index: int, size: int, hashes: Sequence[bytes]) -> list[Step]:
    """From the leaf to the root (RFC 9162 2.1.3.2): on which side each hash stands."""
    steps, node, last, at = [], own, size - 1, index
    for sibling in hashes:
        left = at % 2 == 1 or at == last
        node = node_hash(sibling, node) if left else node_hash(node, sibling)
        if left:
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        steps.append(Step(sibling.hex(), left, node.hex()))
        at, last = at >> 1, last >> 1
    return steps


def _signers(parts: ReviewParts, note: str, origin: str) -> list[str]:
    """Ids of the known keys that signed it. Raises CheckpointInvalidError where known keys did
    not."""
    verifiers = [verifier for verifier in parts.verifiers() if verifier.name == origin]
    if not verifiers:
        return []
    open_checkpoint(note, verifiers, origin)
    known = {verifier.key_id for verifier in verifiers}
    signed = [raw[:4] for _name, raw in split_note(note)[1]]
    return [key_id.hex() for key_id in signed if key_id in known]
