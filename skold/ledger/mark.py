"""The mark: how far the ledger counts, and from where each living writer's journal is read on.

It is replaced durably after everything it speaks of is durable. A crash before that leaves the old
mark, and the same records are read and numbered again: each record has exactly one number.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from skold.disk import replace_durably
from skold.journal_reader import Position

FORMAT = "skold-ledger-mark-1"
ENDED_FORMAT = "skold-ledger-ended-1"


class MarkInvalidError(Exception):
    """The mark is no mark of this node; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`leaves` count; `writers` maps each writer that may still write to its next frame. `tiles` is
    False in a ledger of a release that wrote no hash tiles.
    """

    node: str
    leaves: int = 0
    writers: Mapping[str, Position] = field(default_factory=dict)
    tiles: bool = True


def read_mark(ledger: str | os.PathLike[str], node: str) -> Mark:
    """The mark of a ledger; that of an empty one where there is none.

    Raises MarkInvalidError for bytes that are no mark, or the mark of another node.
    """
    document = _read(Path(ledger) / "mark", FORMAT)
    if document is None:
        return Mark(node)
    if document["node"] != node:
        raise MarkInvalidError(f"{ledger} is the ledger of {document['node']}, not of {node}")
    writers = {name: _position(entry) for name, entry in document["writers"].items()}
    return Mark(node, document["leaves"], writers, document.get("tiles", False))


def write_mark(ledger: str | os.PathLike[str], mark: Mark) -> None:
    """Replace the mark durably."""
    document = {
        "format": FORMAT,
        "node": mark.node,
        "leaves": mark.leaves,
        "tiles": mark.tiles,
        "writers": {name: _entry(position) for name, position in mark.writers.items()},
    }
    replace_durably(Path(ledger) / "mark", orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def read_ended(ledger: str | os.PathLike[str]) -> dict[str, Position]:
    """Writers that are dead and read to the end, with where that end is."""
    document = _read(Path(ledger) / "ended", ENDED_FORMAT) or {"writers": {}}
    return {name: _position(entry) for name, entry in document["writers"].items()}


def write_ended(ledger: str | os.PathLike[str], ended: Mapping[str, Position]) -> None:
    """Replace the list durably. Do it before a mark that no longer names these writers."""
    document = {
        "format": ENDED_FORMAT,
        "writers": {name: _entry(position) for name, position in ended.items()},
    }
    replace_durably(Path(ledger) / "ended", orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def _read(path: Path, form: str) -> dict[str, Any] | None:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MarkInvalidError(f"{path} is damaged: {error}") from error
    if not isinstance(document, dict) or document.get("format") != form:
        raise MarkInvalidError(f"{path} is not of the form {form}")
    return document


def _entry(position: Position) -> dict[str, int | str]:
    return {
        "segment": position.segment,
        "offset": position.offset,
        "n": position.n,
        "chain": position.chain.hex(),
    }


def _position(entry: dict[str, Any]) -> Position:
    return Position(entry["segment"], entry["offset"], entry["n"], bytes.fromhex(entry["chain"]))
