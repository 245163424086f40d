"""C2SP checkpoints (c2sp.org/tlog-checkpoint): how large a log is and what its root hash is.

    <origin>
    <size>
    <base64 of the root hash>

Pure. Signed as a note (skold.notes), with the origin as the name of the keys.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from skold.merkle import EMPTY_ROOT, HASH_SIZE
from skold.notes import NoteInvalidError, Signer, Verifier, open_note
from skold.notes import sign as sign_note

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_NOT_IN_NAMES = re.compile(r"[\s\x00-\x20+]+")


class CheckpointInvalidError(Exception):
    """Not a checkpoint, not signed by a known key, or of another log."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of the log `origin` when it had `size` leaves."""

    origin: str
    size: int
    root: bytes


def origin_of(institution: str, node: str) -> str:
    """The origin of a node's log, which is the name of its keys too: what no name of a key may hold
    (spaces, plus) becomes a hyphen.
    """
    return _NOT_IN_NAMES.sub("-", f"{institution}/{node}")


def format(checkpoint: Checkpoint) -> str:  # noqa: A001 - used as checkpoints.format
    """The text that is signed."""
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def parse(text: str) -> Checkpoint:
    """The checkpoint that this text of a note says. Further lines are passed over.

    Raises CheckpointInvalidError.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise CheckpointInvalidError("a checkpoint has three lines, none of them empty")
    origin, size, encoded = lines[:3]
    try:
        root = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        root = b""
    if not _SIZE.fullmatch(size) or len(root) != HASH_SIZE:
        raise CheckpointInvalidError("a checkpoint says a decimal size and a root of 32 bytes")
    if size == "0" and root != EMPTY_ROOT:
        raise CheckpointInvalidError("a log without leaves has the root SHA-256()")
    return Checkpoint(origin, int(size), root)


def sign(checkpoint: Checkpoint, signers: Iterable[Signer]) -> str:
    """The checkpoint as a signed note."""
    return sign_note(format(checkpoint), signers)


def open_checkpoint(note: str | bytes, verifiers: Iterable[Verifier], origin: str) -> Checkpoint:
    """The checkpoint of the log `origin` that a known key has signed.

    Raises CheckpointInvalidError.
    """
    try:
        text, _ = open_note(note, verifiers)
    except NoteInvalidError as error:
        raise CheckpointInvalidError(f"the checkpoint does not verify: {error}") from None
    found = parse(text)
    if found.origin != origin:
        raise CheckpointInvalidError(f"the checkpoint is that of {found.origin}, not of {origin}")
    return found
