"""What is kept of every anchor: one durable file, `<20-digit size>.<place>.json`, never changed.

The truth about what has left the machine; the state beside it only saves looking through them.
"""

import base64
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from skold.anchors.places import Place
from skold.anchors.ways import Receipt, Sent
from skold.disk import Disk, replace_durably

FOLDER = "anchors"
FORMAT = "skold-anchor-1"
_NAME = re.compile(r"(\d{20})\.(.+)\.json")


class AnchorInvalidError(Exception):
    """A file that should be an anchor and is none; the text names it."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One checkpoint that a place has taken. `at` is this machine's time (RFC 3339, UTC), `said`
    the time by the place, where it tells one."""

    place: str
    kind: str
    at: str
    origin: str
    size: int
    root: bytes
    checkpoint: str
    receipt: bytes
    media_type: str
    signer_verified: bool | None
    said: str | None


def write_anchor(ledger: Path, place: Place, sent: Sent, receipt: Receipt, at: str) -> Anchor:
    """Durable when this returns. Raises OSError."""
    Disk().make_folder(ledger / FOLDER)
    anchor = Anchor(
        place.name, place.kind, at, sent.origin, sent.size, sent.root, sent.text,
        receipt.body, receipt.media_type, receipt.signer_verified, receipt.said,
    )  # fmt: skip
    document: dict[str, Any] = {
        "format": FORMAT,
        "place": anchor.place,
        "kind": anchor.kind,
        "address": place.address,
        "at": at,
        "origin": anchor.origin,
        "size": anchor.size,
        "root": base64.b64encode(anchor.root).decode(),
        "checkpoint": anchor.checkpoint,
        "receipt": base64.b64encode(anchor.receipt).decode(),
        "receipt_type": anchor.media_type,
        "signer_verified": anchor.signer_verified,
        "said": anchor.said,
    }
    replace_durably(_path(ledger, anchor.size, anchor.place), orjson.dumps(document))
    return anchor


def iter_anchors(ledger: Path) -> Iterator[Anchor]:
    """All of them, the smallest checkpoint first. Raises AnchorInvalidError, OSError."""
    for size, place in sorted(_names(ledger)):
        yield read_anchor(ledger, size, place)


def find_newest(ledger: Path, place: str | None = None) -> Anchor | None:
    """The anchor of the largest checkpoint, at one place or at any. Raises AnchorInvalidError."""
    names = [name for name in _names(ledger) if place is None or name[1] == place]
    return read_anchor(ledger, *max(names)) if names else None


def read_anchor(ledger: Path, size: int, place: str) -> Anchor:
    """Raises AnchorInvalidError, FileNotFoundError."""
    path = _path(ledger, size, place)
    try:
        document = orjson.loads(path.read_bytes())
        if document["format"] != FORMAT or document["size"] != size or document["place"] != place:
            raise AnchorInvalidError(f"{path} is not the anchor that its name says")
        return Anchor(
            place,
            document["kind"],
            document["at"],
            document["origin"],
            size,
            base64.b64decode(document["root"], validate=True),
            document["checkpoint"],
            base64.b64decode(document["receipt"], validate=True),
            document["receipt_type"],
            document["signer_verified"],
            document["said"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AnchorInvalidError(f"{path} is damaged: {error}") from error


def _names(ledger: Path) -> list[tuple[int, str]]:
    try:
        entries = os.listdir(ledger / FOLDER)
    except FileNotFoundError:
        return []
    found = (_NAME.fullmatch(entry) for entry in entries)
    return [(int(match[1]), match[2]) for match in found if match]


def _path(ledger: Path, size: int, place: str) -> Path:
    return ledger / FOLDER / f"{size:020d}.{place}.json"
