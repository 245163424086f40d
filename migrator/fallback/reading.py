"""The current state of one legacy record, for whoever is answered from legacy. Runs on a thread."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from migrator.fallback import limits
from migrator.fallback.connections import ImpatientConnection
from migrator.legacy.description import Description, RecordId
from migrator.legacy.reader import LegacyReader
from migrator.legacy.records import LegacyRecord
from migrator.legacy.shape import Shape


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first pieces of a long file, and what goes on from there on the same thread's slot."""

    record: LegacyRecord
    opened: AbstractContextManager[Any]
    first: list[bytes]
    rest: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Whole:
    """A short file, checked against all that its record declares."""

    record: LegacyRecord
    content: bytes
    sha256: bytes


def begin(
    connection: ImpatientConnection,
    description: Description,
    shape: Shape,
    record_id: RecordId,
) -> Beginning | Whole | None:
    """Read up to `limits.WHOLE` bytes; None where there is no such record, or only one whose key
    is written otherwise. Raises LegacyError, psycopg.Error.
    """
    opened = LegacyReader(connection, description, shape=shape).read(record_id)
    found = opened.__enter__()
    keep = False
    try:
        if found is None:
            return None
        record, rest = found
        first, ended = _gather(rest)
        if not ended:
            keep = True
            return Beginning(record, opened, first, rest)
    finally:
        if not keep:
            opened.__exit__(None, None, None)
    content = b"".join(first)
    return Whole(record, content, hashlib.sha256(content).digest())


def _gather(pieces: Iterator[bytes]) -> tuple[list[bytes], bool]:
    """Pieces of more than `limits.WHOLE` bytes, or all of them; whether they are all."""
    first: list[bytes] = []
    size = 0
    for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > limits.WHOLE:
            return first, False
    return first, True
