"""The journals that still stand, against what the ledger says of their writers.

Records that are not in the ledger yet are no error. A journal that was removed, because all of it
is in the ledger, is none either.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from skold.journal_reader import Position, Tail, WriterReader, iter_writers, start_of
from skold.verifier.verify_audit import Life

Saved = dict[str, list[int | str]]
_STEP = 4096


def compare_journals(
    directories: Iterable[Path], lives: Mapping[str, Life], saved: Saved
) -> tuple[list[str], Saved]:
    """(sentences about what differs, positions to go on from). Raises OSError."""
    wrong: list[str] = []
    reached: Saved = {}
    for directory in directories:
        for writer in iter_writers(directory):
            life = lives.get(writer)
            if life is None or life.chain is None:
                continue  # nothing of it was verified this time
            reader = WriterReader(directory, writer, _position(saved.get(writer)))
            found = _compare(reader, writer, life)
            if found is not None:
                wrong.append(found)
            at = reader.position
            reached[writer] = [at.segment, at.offset, at.n, at.chain.hex()]
    return wrong, reached


def _compare(reader: WriterReader, writer: str, life: Life) -> str | None:
    while reader.position.n < life.next_n:
        if not reader.read(min(_STEP, life.next_n - reader.position.n)):
            break
    at = reader.position
    if at == start_of(writer):
        return None  # its first segment is gone: all of it is in the ledger
    if at.n == life.next_n:
        same = at.chain == life.chain
        return None if same else f"{writer}: journal and ledger hold other records up to {at.n - 1}"
    if reader.tail() is Tail.DAMAGED:
        return f"{writer}: the journal is damaged at record {at.n}, which the ledger has"
    return f"{writer}: the journal ends before record {at.n}, the ledger has {life.next_n} records"


def _position(saved: list[int | str] | None) -> Position | None:
    if saved is None:
        return None
    segment, offset, n, chain = saved
    return Position(int(segment), int(offset), int(n), bytes.fromhex(str(chain)))
